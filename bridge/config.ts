// The settings of the bridge: its flags and variables, and which combinations are allowed.
import { ConfigError, type SettingsOf, setting } from "../runtime/config.ts";
import { bytes, count, durationMs, oneOf, onOff, text, url } from "../runtime/config-values.ts";
import { storeSettings } from "./store/store-settings.ts";

const file = text({ placeholder: "FILE", expects: "a file" });

export const settings = {
  mapping: setting({
    flag: "mapping",
    env: "MILLRACE_MAPPING",
    parse: file,
    doc: "TOML file that says which records the messages of a topic give",
  }),
  check: setting({
    flag: "check",
    parse: onOff(),
    doc: "only check the mapping file, and exit with 0 or 2",
  }),
  dryRun: setting({
    flag: "dry-run",
    parse: onOff(),
    doc: "print the records that messages would give, as NDJSON, and store nothing; the broker keeps what it has for the bridge",
  }),
  broker: setting({
    flag: "broker",
    env: "MILLRACE_BROKER",
    parse: url({ schemes: ["mqtt", "mqtts"] }),
    default: "mqtt://127.0.0.1:1883",
    doc: "address of the broker; mqtts:// for TLS",
  }),
  brokerCa: setting({
    flag: "broker-ca",
    env: "MILLRACE_BROKER_CA",
    parse: file,
    optional: true,
    doc: "with mqtts://: PEM file of the authorities to trust; default those of Node",
  }),
  brokerCert: setting({
    flag: "broker-cert",
    env: "MILLRACE_BROKER_CERT",
    parse: file,
    optional: true,
    doc: "with mqtts://: PEM file with the certificate to present",
  }),
  brokerKey: setting({
    flag: "broker-key",
    env: "MILLRACE_BROKER_KEY",
    parse: file,
    optional: true,
    doc: "PEM file with the key of that certificate",
  }),
  brokerUser: setting({
    flag: "broker-user",
    env: "MILLRACE_BROKER_USER",
    parse: text({ placeholder: "NAME", expects: "a name" }),
    optional: true,
    doc: "user name at the broker",
  }),
  brokerPassword: setting({
    env: "MILLRACE_BROKER_PASSWORD",
    parse: text({ placeholder: "PASSWORD" }),
    optional: true,
    doc: "password at the broker; not a flag, because other users can see flags",
  }),
  mqttVersion: setting({
    flag: "mqtt-version",
    env: "MILLRACE_MQTT_VERSION",
    parse: oneOf(["5", "3.1.1"]),
    default: "5",
    doc: "version of MQTT",
  }),
  clientId: setting({
    flag: "client-id",
    env: "MILLRACE_CLIENT_ID",
    parse: text({
      placeholder: "ID",
      expects: "letters, digits and . _ : -, at most 128",
      pattern: /^[A-Za-z0-9._:-]{1,128}$/,
    }),
    optional: true,
    doc: "id of the session at the broker; default millrace- and the producer id of the spool",
  }),
  share: setting({
    flag: "share",
    env: "MILLRACE_SHARE",
    parse: text({
      placeholder: "GROUP",
      expects: "a name without + # and /",
      pattern: /^[^+#/\0]{1,128}$/,
    }),
    optional: true,
    doc: "share the messages among all bridges with the same group, each with a spool of its own",
  }),
  sessionExpiryMs: setting({
    flag: "session-expiry",
    env: "MILLRACE_SESSION_EXPIRY",
    parse: durationMs({ minMs: 1000, maxMs: 4_000_000_000_000 }),
    default: "7d",
    doc: "how long the broker keeps messages for a bridge that is away (MQTT 5; the broker decides with 3.1.1)",
  }),
  inFlight: setting({
    flag: "in-flight",
    env: "MILLRACE_IN_FLIGHT",
    parse: count({ min: 1, max: 65_535 }),
    default: "1000",
    doc: "messages that the broker may send before the first is acknowledged (MQTT 5)",
  }),
  maxPayloadBytes: setting({
    flag: "max-payload",
    env: "MILLRACE_MAX_PAYLOAD",
    parse: bytes({ minBytes: 64, maxBytes: 16 * 2 ** 20 }),
    default: "256KiB",
    doc: "largest payload that is read; larger ones are dead letters",
  }),
  messageLetters: setting({
    flag: "unreadable",
    env: "MILLRACE_UNREADABLE",
    parse: file,
    optional: true,
    doc: "file for messages that cannot be read; default unreadable.ndjson in the spool",
  }),
  ...storeSettings,
};

export type BridgeSettings = SettingsOf<typeof settings>;

/** Throws ConfigError for settings that do not go together. */
export function assertConsistent(given: BridgeSettings, { sparkplug }: { sparkplug: boolean }) {
  const mistakes: string[] = [];
  const { broker, brokerCa, brokerCert, brokerKey, spoolDir, check, dryRun, share } = given;
  if (check && dryRun) mistakes.push("--check and --dry-run cannot be used together");
  if (spoolDir === undefined && !check && !dryRun)
    mistakes.push(
      "--spool DIR is required: a message is acknowledged when the spool has it on disk. To look without storing, use --dry-run",
    );
  const files = [brokerCa, brokerCert, brokerKey].filter(Boolean);
  if (files.length > 0 && !broker.startsWith("mqtts:"))
    mistakes.push("--broker-…: certificates require an mqtts:// URL");
  if ((brokerCert === undefined) !== (brokerKey === undefined))
    mistakes.push("--broker-cert and --broker-key must be given together");
  if (given.brokerPassword !== undefined && given.brokerUser === undefined)
    mistakes.push("MILLRACE_BROKER_PASSWORD needs --broker-user");
  if (share !== undefined && sparkplug)
    mistakes.push(
      "--share cannot be used with [sparkplug]: one bridge must see all messages of a node, in order",
    );
  if (mistakes.length > 0) throw new ConfigError(mistakes);
}
