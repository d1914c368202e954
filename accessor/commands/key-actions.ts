// Actions on keys: create, list, revoke, rotate. A key's text is printed once, when it is made, and
// is stored nowhere.
import { isGlob } from "../../access/glob.ts";
import { createKey } from "../../access/key.ts";
import { readMachinePattern } from "../../access/machine-pattern.ts";
import { gatewayProducers, type Scope, scopes } from "../../access/principal.ts";
import { ConfigError, setting } from "../../runtime/config.ts";
import { durationMs, oneOf, text, type ValueReader } from "../../runtime/config-values.ts";
import { type Log, printable } from "../../runtime/log.ts";
import type { Database } from "../store/database.ts";
import {
  accessorsAskForKeys,
  endKeyWithin,
  insertKey,
  type KeyRecord,
  listKeys,
  revokeKey,
} from "../store/keys.ts";

const dayMs = 86_400_000;

const machinePattern: ValueReader<string> = {
  placeholder: "PATTERN",
  expects:
    'a pattern that names of machines can match (no blank at its ends, nothing invisible, at most 128 characters), such as "mill-*", or "*" for all',
  read: readMachinePattern,
};

const producerPattern: ValueReader<string> = {
  placeholder: "PATTERN",
  expects: 'a pattern of producer ids such as "mill-*", or "*" for all',
  read: (value) => (isGlob(value) ? value : undefined),
};

export const createSettings = {
  name: setting({
    flag: "name",
    parse: text({
      placeholder: "NAME",
      maxLength: 100,
      pattern: /^[\p{L}\p{N} ._:@/+-]+$/u,
      expects: "a short name",
    }),
    doc: "a short name for people",
  }),
  scope: setting({ flag: "scope", parse: oneOf(scopes), repeat: true, doc: "what the key may do" }),
  machine: setting({
    flag: "machine",
    parse: machinePattern,
    repeat: true,
    doc: 'machines that the key may read and write: whole names in which "*" stands for any characters; "*" for all',
  }),
  producer: setting({
    flag: "producer",
    parse: producerPattern,
    repeat: true,
    doc: "producer ids that the key may use, each including the two lanes of its spool; the ids that the gateway makes for POST /signals need no pattern",
  }),
  expires: setting({
    flag: "expires",
    parse: durationMs({ minMs: 1_000, maxMs: 36_500 * dayMs }),
    optional: true,
    doc: "how long the key is valid, such as 90d; default: until it is revoked",
  }),
};

export const rotateSettings = {
  overlap: setting({
    flag: "overlap",
    parse: durationMs({ maxMs: 90 * dayMs }),
    default: "1h",
    doc: "how long the old key stays valid beside the new one",
  }),
};

export type CommandContext = {
  database: Database;
  /** Where changes are logged. */
  log: Log;
  /** Prints a line of the command's output. */
  print: (line: string) => void;
};

type NewKeySettings = {
  name: string;
  scope: readonly Scope[];
  machine: readonly string[];
  producer: readonly string[];
  expires: number | undefined;
};

/** Throws ConfigError without a scope or a machine: a key without any would permit nothing. */
export function assertRights(settings: Pick<NewKeySettings, "scope" | "machine">): void {
  const mistakes = (["scope", "machine"] as const).flatMap((name) =>
    settings[name].length === 0 ? [`--${name} is required: ${createSettings[name].doc}`] : [],
  );
  if (mistakes.length > 0) throw new ConfigError(mistakes);
}

export async function createCommand(
  settings: NewKeySettings,
  { database, log, print }: CommandContext,
): Promise<void> {
  assertRights(settings);
  const rights = {
    name: settings.name,
    scopes: [...new Set(settings.scope)],
    machines: [...new Set(settings.machine)],
    producers: settings.producer.length > 0 ? [...new Set(settings.producer)] : gatewayProducers,
  };
  for (const pattern of rights.producers) {
    // A user who writes mill-7* means mill-7.live, and does not expect mill-70.
    if (/[A-Za-z0-9]\*$/.test(pattern)) {
      const name = pattern.slice(0, -1);
      log.warn(
        `--producer ${pattern} also covers ids such as ${name}0; "${name}" alone already includes the lanes of its spool`,
      );
    }
  }
  const { id, text: shown, digest } = createKey();
  await insertKey(database, { id, digest, ...rights, identity: id, lifeMs: settings.expires });
  log.info("created a key", { audit: "key-created", key: id, ...rights });
  if ((await accessorsAskForKeys(database)) === false)
    log.warn(
      "no key is required yet: the accessor of this database runs with authentication off and answers " +
        "everyone. Start it with MILLRACE_AUTH=keys (or --auth keys)",
    );
  print(shown);
}

export async function listCommand({ database, print }: Omit<CommandContext, "log">): Promise<void> {
  const keys = await listKeys(database);
  if (keys.length === 0) return print("There are no keys.");
  const rows = keys.map((key) => [
    key.id,
    // Any program with write access to the database may have stored these texts.
    printable(key.name),
    printable(key.scopes.join(",")),
    printable(toList(key.machines)),
    printable(toList(key.producers)),
    stateOf(key),
    key.lastUsedMs === undefined ? "never" : toText(key.lastUsedMs),
  ]);
  const table = [["ID", "NAME", "SCOPES", "MACHINES", "PRODUCERS", "VALID", "LAST USED"], ...rows];
  const widths = table[0]!.map((_, i) =>
    table.reduce((most, row) => Math.max(most, row[i]!.length), 0),
  );
  for (const row of table)
    print(
      row
        .map((cell, i) => cell.padEnd(widths[i]!))
        .join("  ")
        .trimEnd(),
    );
}

/** Patterns separated by commas; a pattern that contains a comma, a space or a quote is quoted. */
const toList = (patterns: readonly string[]) =>
  patterns.map((pattern) => (/[\s,"]/.test(pattern) ? JSON.stringify(pattern) : pattern)).join(",");

function stateOf({ revokedMs, expiresMs, valid }: KeyRecord): string {
  if (revokedMs !== undefined) return `revoked ${toText(revokedMs)}`;
  if (expiresMs === undefined) return "until revoked";
  return `${valid ? "until" : "expired"} ${toText(expiresMs)}`;
}

const toText = (ms: number) => `${new Date(ms).toISOString().slice(0, 19)}Z`;

export async function revokeCommand(
  id: string,
  { database, log, print }: CommandContext,
): Promise<void> {
  if (!(await revokeKey(database, id)))
    throw new ConfigError([`no valid key has the id ${id}: see keys list`]);
  log.info("revoked a key", { audit: "key-revoked", key: id });
  print(`${id} is revoked: within 5 s, its calls are refused and its streams end`);
}

/**
 * A new key with the rights of an old one, valid for as long as the old one was at first; the old
 * one stays valid for overlapMs.
 */
export async function rotateCommand(
  { id: oldId, overlap: overlapMs }: { id: string; overlap: number },
  { database, log, print }: CommandContext,
): Promise<void> {
  const old = (await listKeys(database)).find((key) => key.id === oldId && key.valid);
  if (!old) throw new ConfigError([`no valid key has the id ${oldId}: see keys list`]);
  const { name, scopes: held, machines, producers, identity, expiresMs } = old;
  const { id, text: shown, digest } = createKey();
  const lifeMs = expiresMs === undefined ? undefined : expiresMs - old.createdMs;
  await insertKey(database, {
    id,
    digest,
    name,
    scopes: held,
    machines,
    producers,
    identity,
    lifeMs,
  });
  await endKeyWithin(database, oldId, overlapMs);
  log.info("replaced a key", { audit: "key-rotated", key: oldId, by: id, overlap_ms: overlapMs });
  print(shown);
}
