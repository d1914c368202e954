// The settings of the producer: its flags and variables, and which combinations are allowed.

import { maxProducerIdLength } from "../client/spool/spool.ts";
import { ConfigError, type SettingsOf, setting } from "../runtime/config.ts";
import {
  bytes,
  count,
  decimal,
  durationMs,
  instant,
  oneOf,
  onOff,
  text,
  url,
  type ValueReader,
} from "../runtime/config-values.ts";
import { dialingSettings } from "../runtime/tls/dialing.ts";
import { inputFlags, inputSettings, signalName } from "./input/input-settings.ts";
import { namedSignals } from "./simulate/profiles.ts";

/** A point in time: absolute, or relative to the start of the process (`agoMs` before it). */
export type Start = { readonly atUs: number } | { readonly agoMs: number };

/** `2026-03-01T08:00:00Z` or `-24h`. */
function startTime(): ValueReader<Start> {
  const at = instant();
  const ago = durationMs();
  return {
    placeholder: "WHEN",
    expects: "a time such as 2026-03-01T08:00:00Z, or a length of time before now such as -24h",
    read(value) {
      const atUs = at.read(value);
      if (atUs !== undefined) return { atUs };
      const agoMs = value.startsWith("-") ? ago.read(value.slice(1)) : undefined;
      return agoMs === undefined ? undefined : { agoMs };
    },
  };
}

/** A rate whose period is a whole number of microseconds. */
function sampleRate(): ValueReader<number> {
  const whole = count({ min: 1, max: 100_000 });
  const expects = "samples per second, a divisor of 1000000 from 1 to 100000";
  const read = (value: string) => {
    const hz = whole.read(value);
    return hz !== undefined && 1e6 % hz === 0 ? hz : undefined;
  };
  return { placeholder: "HZ", expects, read };
}

export const settings = {
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
      expects: "letters, digits and . _ : -, at most 128, beginning with a letter or digit",
      pattern: /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/,
    }),
    optional: true,
    doc: "id of this producer. With --spool, the spool stores it at its first use. Without --spool, it must be new for each run. Generated if not given",
  }),
  machines: setting({
    flag: "machines",
    env: "MILLRACE_MACHINES",
    parse: count({ min: 1, max: 10_000 }),
    default: "5",
    doc: "how many machines to simulate",
  }),
  firstMachine: setting({
    flag: "first-machine",
    env: "MILLRACE_FIRST_MACHINE",
    parse: count({ min: 1, max: 1_000_000 }),
    default: "1",
    doc: "number of the first machine; npm start simulates machines 1 to 5, and one computer simulates each machine only once",
  }),
  seed: setting({
    flag: "seed",
    env: "MILLRACE_SEED",
    parse: count(),
    default: "1",
    doc: "the same seed gives the same signals at the same times",
  }),
  signals: setting({
    flag: "signal",
    env: "MILLRACE_SIGNALS",
    parse: {
      ...signalName,
      read: (value) => (/^(state|error)$/.test(value) ? undefined : signalName.read(value)),
    },
    repeat: true,
    doc: `simulate another numeric signal besides power: ${namedSignals.slice(1).join(", ")} or any other name`,
  }),
  rateHz: setting({
    flag: "rate-hz",
    parse: sampleRate(),
    default: "100",
    doc: "samples of power per second",
  }),
  batchIntervalMs: setting({
    flag: "batch-interval",
    env: "MILLRACE_BATCH_INTERVAL",
    parse: durationMs({ minMs: 10, maxMs: 60_000 }),
    default: "250ms",
    doc: "time between two batches of a machine",
  }),
  start: setting({
    flag: "start",
    env: "MILLRACE_START",
    parse: startTime(),
    optional: true,
    doc: "start in the past, send everything up to now, then continue live: -24h, or a time",
  }),
  speed: setting({
    flag: "speed",
    parse: decimal({ min: 0.001, max: 1_000_000 }),
    optional: true,
    doc: "simulated seconds per second from --start to now; as fast as possible if not given",
  }),
  durationMs: setting({
    flag: "duration",
    parse: durationMs({ minMs: 1 }),
    optional: true,
    doc: "stop after this much simulated time",
  }),
  input: setting({
    flag: "input",
    parse: text({ placeholder: "FILE", expects: "a file, or - for standard input" }),
    optional: true,
    doc: "send recorded signals (NDJSON or CSV with a header) instead of simulating",
  }),
  strict: setting({
    flag: "strict",
    parse: onOff(),
    doc: "exit with status 1 if the input has a bad line or the accessor rejects a record",
  }),
  once: setting({
    flag: "once",
    parse: onOff(),
    doc: "with --input FILE: store it only once, however often you send it with the same flags; an interrupted run resumes where it stopped",
  }),
  ...inputSettings,
  outboxBytes: setting({
    flag: "outbox",
    env: "MILLRACE_OUTBOX",
    parse: bytes({ minBytes: 64 * 1024, maxBytes: 4 * 2 ** 30 }),
    default: "64MiB",
    doc: "without --spool: bytes of batches to hold until they are acknowledged; when full, the source waits",
  }),
  spoolDir: setting({
    flag: "spool",
    env: "MILLRACE_SPOOL",
    parse: text({ placeholder: "DIR", expects: "a folder" }),
    optional: true,
    doc: "keep batches in this folder until they are acknowledged, also across restarts; one folder per process",
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
    doc: "when the spool is full: wait, or drop the oldest batches and record the gap",
  }),
  deadLetters: setting({
    flag: "dead-letters",
    env: "MILLRACE_DEAD_LETTERS",
    parse: text({ placeholder: "FILE", expects: "a file" }),
    optional: true,
    doc: "file for rejected records; default rejected.ndjson in the spool, or none",
  }),
};

export type ProducerSettings = SettingsOf<typeof settings>;

/** Throws ConfigError for settings that do not go together. `nowUs` is the present. */
export function assertConsistent(given: ProducerSettings, nowUs: number): void {
  const mistakes: string[] = [];
  const { spoolDir, producerId } = given;
  if (spoolDir !== undefined && producerId !== undefined && producerId.length > maxProducerIdLength)
    mistakes.push(
      `--producer-id has at most ${maxProducerIdLength} characters with --spool, which adds the name of a lane`,
    );
  const { input, start, speed, durationMs } = given;
  if (given.once) {
    if (input === undefined || input === "-") mistakes.push("--once needs --input with a file");
    for (const [flag, value] of Object.entries({ spool: spoolDir, "producer-id": producerId }))
      if (value !== undefined)
        mistakes.push(`--${flag} cannot be used with --once, which numbers batches itself`);
  }
  if (input !== undefined) {
    for (const [flag, value] of Object.entries({ start, speed, duration: durationMs })) {
      if (value !== undefined)
        mistakes.push(`--${flag} is for the simulator and cannot be used with --input`);
    }
    if (given.repeatedHour !== undefined && given.timeZone === undefined)
      mistakes.push("--repeated-hour needs --time-zone");
    if (given.json && !given.dryRun) mistakes.push("--json needs --dry-run");
  } else {
    if (given.strict) mistakes.push("--strict needs --input");
    for (const flag of inputFlags(given)) mistakes.push(`--${flag} needs --input`);
    if (speed !== undefined && speed > 1 && start === undefined)
      mistakes.push(
        "--speed above 1 needs --start in the past: the accessor takes nothing from the future",
      );
    if (start && "atUs" in start && start.atUs > nowUs) mistakes.push("--start lies in the future");
  }
  if (mistakes.length > 0) throw new ConfigError(mistakes);
}
