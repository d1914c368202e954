// The statements on producers' numbers: ingest() with groups of prepared batches, and the outcome
// of each; hellos; forgetting producers.
import { Duplicates, type ErrorReport, type StateChange } from "#gen/millrace/v1/signal_pb.ts";
import { toArray } from "./binary-arrays.ts";
import type { Database } from "./database.ts";
import type { Series } from "./series.ts";

/** The sender of a batch, as the database knows it. */
export type Sender = {
  /** The producer id: the one that the client named, or the one that toBatchSender made of it. */
  producer: string;
  /** The owner that the producer must belong to; undefined: authentication is off. */
  owner: string | undefined;
  /** The last sequence that its hello reported as acknowledged; undefined if there was no hello. */
  ackedSequence: number | undefined;
};

/** The log's row for one series of a batch. */
export type LogRow = {
  series: Series;
  firstUs: number;
  lastUs: number;
  count: number;
  payload: Uint8Array;
};

/** A stored record, with its place in the batch's list. */
export type Placed<T> = { record: T; position: number; timeUs: number };

/** A batch as a parameter of ingest(). Nothing to store: no rows. */
export type Storable = {
  sequence: number;
  digest: Buffer;
  /** An encoded BatchResult; null if the batch is stored whole. */
  result: Buffer | null;
  machineId: number;
  rows: LogRow[];
  stateChanges: Placed<StateChange>[];
  errorReports: Placed<ErrorReport>[];
  /** Its sequence must not be stored: only find the reason, and store nothing. */
  onlyAsks?: boolean;
};

/** How many producers there may be, and how long they are kept. */
export type ProducerLimits = {
  /** Producers that one owner's clients named; without authentication, those of all together. */
  maxProducers: number;
  /** The least time that an Idempotency-Key is remembered, from its first use. */
  idempotencyWindowMs: number;
};

export const defaultProducerLimits: ProducerLimits = {
  maxProducers: 10_000,
  idempotencyWindowMs: 7 * 86_400_000,
};

/**
 * The outcome of a batch. revision: the batch's own if stored, else the one as of which it was
 * decided. foreign: the producer belongs to another owner. quota: its sender has too many already.
 * next: it was only checked, and would be accepted.
 */
export type Decision = {
  outcome: "stored" | "decided" | "duplicate" | "conflict" | "gap" | "foreign" | "quota" | "next";
  revision: number;
  committedUs: number;
  /** An encoded BatchResult, if there is anything to report. */
  result: Buffer | null;
  /** The sequence that would have been stored next. */
  expected: number;
};

// Before ingest(), and under the same lock.
const repeatsKnown = `, lateral assert_repeats_known(
      case when known is not null then $30::int4[] end, $31::int8[], $32::int8[], $33::int8[]) repeats_known`;

/**
 * Commits a group. One producer's batches are in order, each sequence once. Returns outcomes in the
 * same order. epoch: fails with MR002 unless it is the newest; undefined: accepts any. seen: fails
 * with MR003 if, after that revision, another process has committed to a series that drops
 * duplicates, at the times of the group's records.
 */
export async function commitGroup(
  database: Database,
  group: readonly (Sender & { prepared: Storable })[],
  options: { epoch?: number | undefined; producers?: ProducerLimits; seen?: number } = {},
): Promise<Decision[]> {
  const { epoch, producers = defaultProducerLimits, seen = 0 } = options;
  const { maxProducers, idempotencyWindowMs } = producers;
  const rows = group.flatMap(({ prepared }, i) =>
    prepared.rows.map((row) => ({ ...row, batch: i + 1 })),
  );
  const states = group.flatMap(({ prepared }, i) =>
    prepared.stateChanges.map((placed) => ({ ...placed, batch: i + 1, prepared })),
  );
  const errors = group.flatMap(({ prepared }, i) =>
    prepared.errorReports.map((placed) => ({ ...placed, batch: i + 1, prepared })),
  );
  const once = rows.filter(({ series }) => series.duplicates === Duplicates.DROP);
  const answers = await database.write(
    // Its dependence on known makes PostgreSQL set it first; it is valid until the commit.
    `select outcome, revision, committed_us, result, expected from set_config('millrace.epoch', $29::text, true) known${
      once.length === 0 ? "" : repeatsKnown
    }, lateral ingest(
      case when known is not null ${once.length === 0 ? "" : "and repeats_known"} then $1::int8 end, $2::int8, $3::text[], $4::text[], $5::int8[],
      $6::int8[], $7::bytea[], $8::bytea[], $9::bool[],
      $10::int4[], $11::int4[], $12::int8[], $13::int8[], $14::int4[], $15::bytea[],
      $16::int4[], $17::int4[], $18::int4[], $19::int8[], $20::int2[], $21::text[],
      $22::int4[], $23::int4[], $24::int4[], $25::int8[], $26::int2[], $27::text[], $28::text[])`,
    [
      maxProducers,
      idempotencyWindowMs,
      toArray.text(group.map(({ producer }) => producer)),
      toArray.text(group.map(({ owner }) => owner ?? null)),
      toArray.int8(group.map(({ ackedSequence }) => ackedSequence ?? null)),
      toArray.int8(group.map(({ prepared }) => prepared.sequence)),
      toArray.bytea(group.map(({ prepared }) => prepared.digest)),
      toArray.bytea(group.map(({ prepared }) => prepared.result)),
      toArray.bool(
        group.map(({ prepared }) => (prepared.onlyAsks ? null : prepared.rows.length > 0)),
      ),
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
      ...(once.length === 0
        ? []
        : [
            toArray.int4(once.map(({ series }) => series.id)),
            toArray.int8(once.map(({ firstUs }) => firstUs)),
            toArray.int8(once.map(({ lastUs }) => lastUs)),
            toArray.int8(once.map(() => seen)),
          ]),
    ],
    { name: once.length === 0 ? "ingest" : "ingest_once" },
  );
  return (answers as [Decision["outcome"], number, number, Buffer | null, number][]).map(
    ([outcome, revision, committedUs, result, expected]) => ({
      outcome,
      revision,
      committedUs,
      result,
      expected,
    }),
  );
}

/**
 * The answer to a producer's hello. lost: sequences that it has acks for and that are missing here.
 */
export type Opened = {
  lastSequence: number;
  lost: { first: number; last: number } | undefined;
  /** It belongs to another owner. */
  isForeign: boolean;
};

/** Has no effect. */
export async function openProducer(
  database: Database,
  { producer, owner, ackedSequence }: Sender & { ackedSequence: number },
): Promise<Opened> {
  const [row] = await database.write(
    "select last_sequence, lost_first, lost_last, is_foreign from open_producer($1::text, $2::int8, $3::text)",
    [producer, ackedSequence, owner ?? null],
    { name: "open_producer" },
  );
  const [lastSequence, first, last, isForeign] = row as [
    number,
    number | null,
    number | null,
    boolean,
  ];
  return {
    lastSequence,
    lost: first === null || last === null ? undefined : { first, last },
    isForeign,
  };
}

/**
 * Forgets producers that are kept for a limited time; examines at most limit of them. Returns how
 * many were finished.
 */
export async function dropIdleProducers(
  database: Database,
  { maxDerived, limit, abort }: { maxDerived: number; limit: number; abort: AbortSignal },
): Promise<number> {
  const [row] = await database.compact(
    "select drop_idle_producers($1::int8, $2::int4)",
    [maxDerived, limit],
    {
      name: "drop_idle_producers",
      abort,
    },
  );
  return (row as [number])[0];
}
