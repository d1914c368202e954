// Partitions of the log, its receipts and the blocks: lists, makes, merges and drops them without
// making readers or writers wait.
import { floorTo } from "../history/buckets-of-time.ts";
import { toArray } from "./binary-arrays.ts";
import {
  nameOf,
  planSpan,
  type Span,
  spanAt,
  spanOf,
  weekUs,
  wideBeforeUs,
  wideUs,
} from "./block-spans.ts";
import type { Database } from "./database.ts";

export type Parent = "log" | "receipt" | "block";

/**
 * pending: a detach was interrupted. detached: no longer part of its parent; only to be dropped
 * (or, ahead of the log, to be attached).
 */
export type Partition = {
  parent: Parent;
  name: string;
  state: "attached" | "pending" | "detached";
};

type Options = { abort: AbortSignal };

/** In no order. */
export async function listPartitions(
  database: Database,
  parents: readonly Parent[],
): Promise<Partition[]> {
  const rows = (await database.read(
    `select parent, c.relname::text, case when i.inhrelid is null then 'detached' when i.inhdetachpending then 'pending' else 'attached' end
     from unnest($1::text[]) as parent
     join pg_class p on p.oid = parent::regclass
     join pg_class c on c.relnamespace = p.relnamespace and c.relkind = 'r' and c.relname ~ ('^' || parent || '_[0-9]+(_[0-9]+)?$')
     left join pg_inherits i on i.inhrelid = c.oid and i.inhparent = p.oid`,
    [toArray.text(parents)],
    { name: "partitions" },
  )) as [Parent, string, Partition["state"]][];
  return rows.map(([parent, name, state]) => ({ parent, name, state }));
}

/**
 * Continues from wherever an earlier attempt was interrupted. Waits for statements that use it
 * already; later ones do not see it.
 */
export async function dropPartition(
  database: Database,
  { parent, name, state }: Partition,
  { abort }: Options,
): Promise<void> {
  if (state === "pending")
    await database.compact(`alter table ${parent} detach partition ${name} finalize`, [], {
      abort,
    });
  if (state === "attached")
    await database.compact(`alter table ${parent} detach partition ${name} concurrently`, [], {
      abort,
    });
  await database.compact(`drop table ${name}`, [], { abort });
}

/**
 * Makes the missing partitions of some buckets, oldest first, at most max. Returns how many are
 * still missing.
 */
export async function makeBlockPartitions(
  database: Database,
  bucketsUs: readonly number[],
  { max, nowUs, abort }: Options & { max: number; nowUs: number },
): Promise<number> {
  const partitions = await listPartitions(database, ["block"]);
  let attached = attachedSpans(partitions);
  const weeks = new Set(bucketsUs.map((bucketUs) => floorTo(bucketUs, weekUs)));
  const missing = [...weeks]
    .filter((week) => spanAt(attached, week) === undefined)
    .sort((a, b) => a - b);
  let made = 0;
  for (const [i, week] of missing.entries()) {
    if (spanAt(attached, week) !== undefined) continue;
    if (made === max) return missing.length - i;
    const span = planSpan(week, attached, nowUs);
    // Retention was interrupted while dropping one. Data that comes now is new.
    const overlaps = ({ fromUs, toUs }: Span) => fromUs < span.toUs && span.fromUs < toUs;
    for (const partition of partitions)
      if (partition.state !== "attached" && overlaps(spanOf(partition.name)))
        await dropPartition(database, partition, { abort });
    await database.compact(
      "select make_block_partition($1::text, $2::int8, $3::int8)",
      [nameOf(span), span.fromUs, span.toUs],
      { name: "make_partition", abort },
    );
    attached = inOrder([...attached, span]);
    made++;
  }
  return 0;
}

/** The largest size on disk of a partition to merge with others. An empty one takes about 40 kB. */
const maxMergedBytes = 2 * 1024 * 1024;

/**
 * Merges adjacent partitions of times that are no longer divided into weeks, if each is small: they
 * were made when any old week got its own. At most this many merges; returns how many.
 */
export async function mergeBlockPartitions(
  database: Database,
  { max, nowUs, abort }: Options & { max: number; nowUs: number },
): Promise<number> {
  const partitions = await listPartitions(database, ["block"]);
  const old = attachedSpans(partitions).filter(({ toUs }) => toUs <= wideBeforeUs(nowUs));
  let merged = 0;
  for (const spans of Map.groupBy(old, ({ fromUs }) => floorTo(fromUs, wideUs)).values()) {
    if (spans.length < 2) continue;
    const rows = (await database.read(
      "select name from unnest($1::text[]) as name where pg_total_relation_size(to_regclass(name)) <= $2::int8",
      [toArray.text(spans.map(nameOf)), maxMergedBytes],
      { abort },
    )) as [string][];
    const small = new Set(rows.map(([name]) => name));
    for (const run of runsOf(spans, (span) => small.has(nameOf(span)))) {
      if (merged === max) return merged;
      const whole = { fromUs: run[0]!.fromUs, toUs: run.at(-1)!.toUs };
      await database.compact(
        "select merge_block_partitions($1::text[], $2::text, $3::int8, $4::int8)",
        [toArray.text(run.map(nameOf)), nameOf(whole), whole.fromUs, whole.toUs],
        { name: "merge_partitions", abort },
      );
      merged++;
    }
  }
  return merged;
}

/** Two or more neighbours that all fit. */
function runsOf(spans: readonly Span[], fits: (span: Span) => boolean): Span[][] {
  const runs: Span[][] = [[]];
  for (const span of spans) {
    if (fits(span)) runs.at(-1)!.push(span);
    else runs.push([]);
  }
  return runs.filter(({ length }) => length > 1);
}

function attachedSpans(partitions: readonly Partition[]): Span[] {
  return inOrder(
    partitions.filter(({ state }) => state === "attached").map(({ name }) => spanOf(name)),
  );
}

function inOrder(spans: readonly Span[]): Span[] {
  return spans.toSorted((a, b) => a.fromUs - b.fromUs);
}
