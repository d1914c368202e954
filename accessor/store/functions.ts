// The SQL functions and views of this version. Their text exists once, in functions/ and views/. An
// accessor whose text differs from the database's recreates all of them at its start.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import type { Client } from "pg";

export type FunctionFile = { name: string; sql: string };
export type FunctionSet = { files: readonly FunctionFile[]; digest: string };

/** In this order: a function that another uses in its head or body comes before it. */
const names = [
  "functions/named-numbers.sql",
  "functions/times.sql",
  "functions/arithmetic.sql",
  "functions/words.sql",
  "functions/lines.sql",
  "functions/locks.sql",
  "functions/epochs.sql",
  "functions/log.sql",
  "functions/producers.sql",
  "functions/repeats.sql",
  "functions/ingest.sql",
  "functions/series.sql",
  "functions/descriptions.sql",
  "functions/block-partitions.sql",
  "functions/step.sql",
  "functions/alive.sql",
  "functions/days.sql",
  "functions/retention.sql",
  "functions/packed-integers.sql",
  "functions/decode-block.sql",
  "functions/samples.sql",
  "functions/history-end.sql",
  "functions/neighbours.sql",
  "functions/buckets.sql",
  "functions/silences.sql",
  "functions/calendar.sql",
  "functions/earlier-programs.sql",
  "views/catalog.sql",
  "views/records.sql",
  "views/states.sql",
  "views/samples-minute.sql",
  "views/samples-hour.sql",
  "views/samples-day.sql",
  "views/operation.sql",
  "views/columns.sql",
  "functions/grants.sql",
];

/** The files, in the order in which they are applied. Fails if a file is missing from the order. */
export function readFunctions(): FunctionSet {
  const found = ["functions/", "views/"].flatMap((folder) =>
    readdirSync(new URL(folder, import.meta.url)).map((name) => folder + name),
  );
  const unplaced = found.filter((name) => !names.includes(name));
  if (unplaced.length > 0)
    throw new Error(`${unplaced.join(", ")}: give it a place in ${import.meta.filename}`);
  const files = names.map((name) => ({
    name,
    sql: readFileSync(new URL(name, import.meta.url), "utf8"),
  }));
  const digest = createHash("sha256");
  for (const { name, sql } of files) digest.update(`${name}\0${sql}\0`);
  return { files, digest: digest.digest("hex") };
}

/**
 * Within the transaction of a migration: recreates all of them if the database has others, or if
 * `anyway`, since a migration may have dropped some. Returns whether it did.
 */
export async function replaceFunctions(
  client: Client,
  { files, digest }: FunctionSet,
  { anyway }: { anyway: boolean },
): Promise<boolean> {
  const { rows } = await client.query<{ digest: string }>("select digest from function_set");
  if (!anyway && rows[0]?.digest === digest) return false;
  await client.query(intoTheirSchema);
  for (const { sql } of files) await client.query(sql);
  await client.query(
    `insert into function_set (digest) values ($1)
     on conflict (only_row) do update set digest = excluded.digest, replaced_at = excluded.replaced_at`,
    [digest],
  );
  return true;
}

/**
 * The schema of the tables, whatever else is in the connection's search_path. Functions that run as
 * their owner keep this path ("set search_path from current").
 */
const intoTheirSchema = `
  select set_config('search_path', quote_ident(n.nspname) || ', pg_temp', true)
  from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = 'function_set'::regclass`;
