// The ingest() and open_producer() statements: groups of prepared batches in, what became of each out.
import type { Prepared } from "../ingest/prepare.ts";
import { toArray } from "./binary-arrays.ts";
import type { Database } from "./database.ts";

/** epoch: that its ids were given in. */
export type Submission = { producerId: number; prepared: Prepared; epoch?: number };

/** What became of a batch. revision: the batch's own if stored, else the one as of which it was decided. */
export type Decision = {
  outcome: "stored" | "decided" | "duplicate" | "conflict" | "gap";
  revision: number;
  committedUs: number;
  /** An encoded BatchResult, if there is something to say. */
  result: Buffer | null;
  /** The sequence that would have been stored. */
  expected: number;
};

/**
 * Commits a group. One producer's batches in order, each sequence once. Answers in the same order. epoch: fails with MR002 unless it is the newest;
 * undefined: in any.
 */
export async function commitGroup(
  database: Database,
  group: readonly Submission[],
  { epoch }: { epoch?: number | undefined } = {},
): Promise<Decision[]> {
  const rows = group.flatMap(({ prepared }, i) => prepared.rows.map((row) => ({ ...row, batch: i + 1 })));
  const states = group.flatMap(({ prepared }, i) =>
    prepared.stateChanges.map((placed) => ({ ...placed, batch: i + 1, prepared })),
  );
  const errors = group.flatMap(({ prepared }, i) =>
    prepared.errorReports.map((placed) => ({ ...placed, batch: i + 1, prepared })),
  );
  const answers = await database.write(
    // The dependence on known makes PostgreSQL set it first; it holds until the commit.
    `select outcome, revision, committed_us, result, expected from set_config('millrace.epoch', $25::text, true) known, lateral ingest(
      case when known is not null then $1::int4[] end, $2::int8[], $3::bytea[], $4::bytea[], $5::bool[],
      $6::int4[], $7::int4[], $8::int8[], $9::int8[], $10::int4[], $11::bytea[],
      $12::int4[], $13::int4[], $14::int4[], $15::int8[], $16::int2[], $17::text[],
      $18::int4[], $19::int4[], $20::int4[], $21::int8[], $22::int2[], $23::text[], $24::text[])`,
    [
      toArray.int4(group.map(({ producerId }) => producerId)),
      toArray.int8(group.map(({ prepared }) => prepared.sequence)),
      toArray.bytea(group.map(({ prepared }) => prepared.digest)),
      toArray.bytea(group.map(({ prepared }) => prepared.result)),
      toArray.bool(group.map(({ prepared }) => prepared.rows.length > 0)),
      toArray.int4(rows.map(({ batch }) => batch)),
      toArray.int4(rows.map(({ series }) => series.id)),
      toArray.int8(rows.map(({ firstUs }) => firstUs)),
      toArray.int8(rows.map(({ lastUs }) => lastUs)),
      toArray.int4(rows.map(({ count }) => count)),
      toArray.bytea(rows.map(({ payload }) => payload)),
      toArray.int4(states.map(({ batch }) => batch)),
      toArray.int4(states.map(({ prepared }) => prepared.machineId)),
      toArray.int4(states.map(({ position }) => position)),
      toArray.int8(states.map(({ timeUs }) => timeUs)),
      toArray.int2(states.map(({ record }) => record.state)),
      toArray.text(states.map(({ record }) => record.reason)),
      toArray.int4(errors.map(({ batch }) => batch)),
      toArray.int4(errors.map(({ prepared }) => prepared.machineId)),
      toArray.int4(errors.map(({ position }) => position)),
      toArray.int8(errors.map(({ timeUs }) => timeUs)),
      toArray.int2(errors.map(({ record }) => record.severity)),
      toArray.text(errors.map(({ record }) => record.code)),
      toArray.text(errors.map(({ record }) => record.message)),
      epoch === undefined ? "" : String(epoch),
    ],
    { name: "ingest" },
  );
  return (answers as [Decision["outcome"], number, number, Buffer | null, number][]).map(
    ([outcome, revision, committedUs, result, expected]) => ({ outcome, revision, committedUs, result, expected }),
  );
}

/** What a producer is told when it says hello. lost: sequences that were acknowledged once and are gone. */
export type Opened = { producerId: number; lastSequence: number; lost: { first: number; last: number } | undefined };

export async function openProducer(
  database: Database,
  producer: { name: string; lastAckedSequence: number },
): Promise<Opened> {
  const [row] = await database.write(
    "select producer_id, last_sequence, lost_first, lost_last from open_producer($1::text, $2::int8)",
    [producer.name, producer.lastAckedSequence],
    { name: "open_producer" },
  );
  const [producerId, lastSequence, first, last] = row as [number, number, number | null, number | null];
  return { producerId, lastSequence, lost: first === null || last === null ? undefined : { first, last } };
}
