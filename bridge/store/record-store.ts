// Stores records in the spool: gathers those of many messages into batches, and says when the disk
// has them.
import { type Batch, Duplicates } from "#gen/millrace/v1/signal_pb.ts";
import { createGather, type Gather } from "../../codec/row/gather.ts";
import type { RowRecord } from "../../codec/row/row-record.ts";

export type RecordStoreOptions = {
  /** Resolves when the spool has the batch on disk. */
  append(batch: Batch): Promise<void>;
  /** Records wait at most this long for others to share their batch. */
  batchIntervalMs: number;
  /** They wait no longer when nothing more has come for this long: the broker waits for us. */
  quietMs?: number;
  /** Called with what append throws; no record is stored after that. */
  onFailure(error: unknown): void;
};

export type RecordStore = {
  /** Resolves when all records are on disk; never after a failure. */
  add(records: readonly RowRecord[]): Promise<void>;
  /** Stores what is held at once, and resolves when it is on disk or cannot be stored. */
  flush(): Promise<void>;
};

/** What goes to the disk together. */
type Round = {
  readonly gather: Gather;
  readonly full: Batch[];
  readonly stored: PromiseWithResolvers<void>;
};

const toBatches = ({ gather, full }: Round): Batch[] => [...full, ...gather.takeAll()];

export function createRecordStore(options: RecordStoreOptions): RecordStore {
  const { append, batchIntervalMs, quietMs = 10, onFailure } = options;
  let round: Round | undefined;
  let storing: Promise<void> | undefined;
  let failed = false;
  let oldest: NodeJS.Timeout | undefined;
  let quiet: NodeJS.Timeout | undefined;

  function add(records: readonly RowRecord[]): Promise<void> {
    round ??= { gather: createGather(), full: [], stored: Promise.withResolvers() };
    const { gather, full, stored } = round;
    for (const record of records) {
      // Sources of the bridge send records again when they are not sure.
      const { duplicates = Duplicates.DROP } = record;
      for (const batch of gather.add({ ...record, duplicates })) full.push(batch);
    }
    oldest ??= setTimeout(store, batchIntervalMs);
    clearTimeout(quiet);
    quiet = setTimeout(store, quietMs);
    return stored.promise;
  }

  /** Stores the round, after the one that is being stored. */
  function store(): void {
    clearTimeout(oldest);
    clearTimeout(quiet);
    oldest = undefined;
    if (storing !== undefined || round === undefined || failed) return;
    const mine = round;
    round = undefined;
    storing = Promise.all(toBatches(mine).map(append))
      .then(
        () => mine.stored.resolve(),
        (error: unknown) => {
          failed = true;
          onFailure(error);
        },
      )
      .finally(() => {
        storing = undefined;
        store();
      });
  }

  return {
    add,
    async flush() {
      store();
      while (storing !== undefined) await storing;
    },
  };
}
