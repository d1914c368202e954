// The settings of the way to the accessor, for every source of the bridge: address, credentials and
// the spool.
import { maxProducerIdLength } from "../../client/spool/spool.ts";
import { setting } from "../../runtime/config.ts";
import { bytes, durationMs, oneOf, text, url } from "../../runtime/config-values.ts";
import { dialingSettings } from "../../runtime/tls/dialing.ts";

const file = text({ placeholder: "FILE", expects: "a file" });

export const storeSettings = {
  batchIntervalMs: setting({
    flag: "batch-interval",
    env: "MILLRACE_BATCH_INTERVAL",
    parse: durationMs({ minMs: 10, maxMs: 60_000 }),
    default: "100ms",
    doc: "how long records wait for others to share their batch",
  }),
  accessor: setting({
    flag: "accessor",
    env: "MILLRACE_ACCESSOR",
    parse: url({ schemes: ["http", "https"] }),
    default: "http://127.0.0.1:50051",
    doc: "address of the accessor",
  }),
  ...dialingSettings("accessor"),
  apiKey: setting({
    env: "MILLRACE_API_KEY",
    parse: text({ placeholder: "KEY", maxLength: 8192, pattern: /^[\x21-\x7e]+$/ }),
    optional: true,
    doc: "key or token, if the accessor requires one; not a flag, because other users can see flags",
  }),
  producerId: setting({
    flag: "producer-id",
    env: "MILLRACE_PRODUCER_ID",
    parse: text({
      placeholder: "ID",
      expects: `letters, digits and . _ : -, at most ${maxProducerIdLength}, beginning with a letter or digit`,
      pattern: /^[A-Za-z0-9][A-Za-z0-9._:-]*$/,
      maxLength: maxProducerIdLength,
    }),
    optional: true,
    doc: "id of this producer, which the spool stores at its first use. Generated if not given",
  }),
  spoolDir: setting({
    flag: "spool",
    env: "MILLRACE_SPOOL",
    parse: text({ placeholder: "DIR", expects: "a folder" }),
    optional: true,
    doc: "keep batches in this folder until they are stored; what is there is stored once. One folder per process. Required, except with --check or --dry-run",
  }),
  spoolMaxBytes: setting({
    flag: "spool-max",
    env: "MILLRACE_SPOOL_MAX",
    parse: bytes({ minBytes: 1024 * 1024, maxBytes: 2 ** 44 }),
    default: "1GiB",
    doc: "maximum size of the spool",
  }),
  spoolFull: setting({
    flag: "spool-full",
    env: "MILLRACE_SPOOL_FULL",
    parse: oneOf(["block", "drop-oldest"]),
    default: "block",
    doc: "when the spool is full: leave further messages with the broker (values of OPC UA are lost), or drop the oldest batches and record the gap",
  }),
  deadLetters: setting({
    flag: "dead-letters",
    env: "MILLRACE_DEAD_LETTERS",
    parse: file,
    optional: true,
    doc: "file for records that the accessor rejects; default rejected.ndjson in the spool",
  }),
};
