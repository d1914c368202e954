// The settings of the bridge from OPC UA: its flags and variables, and which go together.
import { ConfigError, type SettingsOf, setting } from "../../runtime/config.ts";
import { durationMs, oneOf, onOff, text, url } from "../../runtime/config-values.ts";
import { storeSettings } from "../store/store-settings.ts";

export const settings = {
  mapping: setting({
    flag: "mapping",
    env: "MILLRACE_MAPPING",
    parse: text({ placeholder: "FILE", expects: "a file" }),
    doc: "TOML file that says which nodes are watched and what they give: [[opcua.nodes]]",
  }),
  check: setting({
    flag: "check",
    parse: onOff(),
    doc: "only check the mapping file, and exit with 0 or 2",
  }),
  dryRun: setting({
    flag: "dry-run",
    parse: onOff(),
    doc: "print the records that values would give, as NDJSON, and store nothing",
  }),
  endpoint: setting({
    flag: "endpoint",
    env: "MILLRACE_OPCUA_ENDPOINT",
    parse: url({ schemes: ["opc.tcp"] }),
    default: "opc.tcp://127.0.0.1:4840",
    doc: "address of the OPC UA server",
  }),
  security: setting({
    flag: "security",
    env: "MILLRACE_OPCUA_SECURITY",
    parse: oneOf(["none", "sign", "sign-and-encrypt"]),
    default: "none",
    doc: "how messages are protected; with sign and sign-and-encrypt (Basic256Sha256), client and server must trust each other's certificates",
  }),
  certificates: setting({
    flag: "certificates",
    env: "MILLRACE_OPCUA_CERTIFICATES",
    parse: text({ placeholder: "DIR", expects: "a folder" }),
    optional: true,
    doc: "folder of the certificates for --security: ours is made there, and those of servers that are trusted are put into its folder trusted/certs",
  }),
  user: setting({
    flag: "user",
    env: "MILLRACE_OPCUA_USER",
    parse: text({ placeholder: "NAME", expects: "a name" }),
    optional: true,
    doc: "user name at the server; anonymous if not given",
  }),
  password: setting({
    env: "MILLRACE_OPCUA_PASSWORD",
    parse: text({ placeholder: "PASSWORD" }),
    optional: true,
    doc: "password at the server; not a flag, because other users can see flags",
  }),
  silenceMs: setting({
    flag: "silence",
    env: "MILLRACE_OPCUA_SILENCE",
    parse: durationMs({ minMs: 300, maxMs: 3_600_000 }),
    default: "30s",
    doc: "how long the server may say nothing, not even that nothing has changed, before the bridge connects again",
  }),
  ...storeSettings,
};

export type OpcuaSettings = SettingsOf<typeof settings>;

/** Throws ConfigError for settings that do not go together. */
export function assertConsistent(given: OpcuaSettings): void {
  const mistakes: string[] = [];
  const { spoolDir, check, dryRun, security, certificates, user, password } = given;
  if (check && dryRun) mistakes.push("--check and --dry-run cannot be used together");
  if (spoolDir === undefined && !check && !dryRun)
    mistakes.push(
      "--spool DIR is required: what is there is stored once. To look without storing, use --dry-run",
    );
  if (security !== "none" && certificates === undefined)
    mistakes.push("--security needs --certificates DIR");
  if (password !== undefined && user === undefined)
    mistakes.push("MILLRACE_OPCUA_PASSWORD needs --user");
  if (mistakes.length > 0) throw new ConfigError(mistakes);
}
