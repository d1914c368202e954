// StatusService: how the store is doing, in figures and in words.
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { ServiceImpl } from "@connectrpc/connect";
import { ProblemKind, type StatusProblemSchema } from "#gen/millrace/v1/status_pb.ts";
import {
  type GetStatusResponse,
  GetStatusResponseSchema,
  type StatusService,
} from "#gen/millrace/v1/status_service_pb.ts";
import { allowedMachines } from "../../access/principal.ts";
import { toDuration, toTimestamp } from "../../codec/timestamps.ts";
import { programVersion } from "../../runtime/program-version.ts";
import { callerKey } from "../access/caller.ts";
import type { CursorFormat } from "../domain/cursor.ts";
import { Failure } from "../domain/failure.ts";
import { rateSeconds } from "../domain/rate-meter.ts";
import type { SentByFeeds } from "../feed/sent.ts";
import type { Tail } from "../feed/tail.ts";
import type { Database } from "../store/database.ts";
import { readRevisionBefore } from "../store/log.ts";
import {
  readStoredSince,
  readStoreSizes,
  readStoreStatus,
  type StoreSizes,
  type StoreStatus,
} from "../store/status.ts";

export type StatusOptions = {
  database: Database;
  tail: Tail;
  cursors: CursorFormat;
  sent: SentByFeeds;
  /** Whether this accessor cannot store at present. */
  readiness: { readonly refusesWrites: boolean };
  /** How often each limit of callers was reached since the start. */
  ledger: { refused(): Readonly<Record<string, number>> };
  logWindowMs: number;
  retentionMs: number | undefined;
  startMs: number;
  monotonicMs: () => number;
};

/** An answer serves all callers for so long. */
const keptMs = 1_000;
const sizesKeptMs = 60_000;
const behindUs = 10 * 60e6;

export function createStatusService(options: StatusOptions): ServiceImpl<typeof StatusService> {
  const { database, monotonicMs } = options;
  const status = keep(() => readStatus(options, sizes), { keptMs, monotonicMs });
  const sizes = keep(() => readStoreSizes(database), { keptMs: sizesKeptMs, monotonicMs });
  return {
    async getStatus(_request, { values }) {
      const caller = values.get(callerKey);
      if (caller !== undefined && allowedMachines(caller) !== undefined)
        throw new Failure(
          "PERMISSION_DENIED",
          "the status shows all machines together, and the credential covers only some",
        );
      return status();
    },
  };
}

/** Asks once for all who ask meanwhile, and for a while after. A failure is not kept. */
function keep<T>(
  ask: () => Promise<T>,
  { keptMs: forMs, monotonicMs }: { keptMs: number; monotonicMs: () => number },
): () => Promise<T> {
  let kept: { answer: Promise<T>; atMs: number } | undefined;
  return () => {
    if (kept !== undefined && monotonicMs() - kept.atMs < forMs) return kept.answer;
    const asked = { answer: ask(), atMs: monotonicMs() };
    kept = asked;
    asked.answer.catch(() => {
      if (kept === asked) kept = undefined;
    });
    return asked.answer;
  };
}

async function readStatus(
  options: StatusOptions,
  readSizes: () => Promise<StoreSizes>,
): Promise<GetStatusResponse> {
  const { database, tail, cursors, sent, startMs } = options;
  const { head } = tail;
  const store = await readStoreStatus(database);
  const before = await readRevisionBefore(database, store.nowUs - rateSeconds * 1e6);
  const [stored, sizes] = await Promise.all([readStoredSince(database, before ?? 0), readSizes()]);
  const { open, ...feeds } = sent.read();
  return create(GetStatusResponseSchema, {
    time: toTimestamp(store.nowUs),
    version: programVersion,
    databaseVersion: store.databaseVersion,
    schemaVersion: store.schemaVersion,
    startTime: timestampFromMs(startMs),
    cursor: cursors.encode(head.revision),
    ...(head.committedUs === undefined ? {} : { commitTime: toTimestamp(head.committedUs) }),
    machines: BigInt(store.machines),
    stored: {
      batches: stored.batches / rateSeconds,
      records: stored.records / rateSeconds,
      bytes: stored.bytes / rateSeconds,
    },
    feeds: { open, sent: feeds },
    history: historyOf(options, store, sizes),
    problems: problemsOf(options, store),
  });
}

function historyOf(
  { logWindowMs, retentionMs }: StatusOptions,
  { compactedUs, lagCommits, lagUs, held, quarantined }: StoreStatus,
  sizes: StoreSizes,
) {
  return {
    ...(compactedUs === undefined ? {} : { compactedTime: toTimestamp(compactedUs) }),
    lagCommits: BigInt(lagCommits),
    lag: toDuration(Math.max(0, lagUs)),
    heldCommits: BigInt(held),
    quarantinedRows: BigInt(quarantined),
    logBytes: BigInt(sizes.log),
    historyBytes: BigInt(sizes.history),
    databaseBytes: BigInt(sizes.database),
    logWindow: toDuration(logWindowMs * 1_000),
    ...(retentionMs === undefined ? {} : { retention: toDuration(retentionMs * 1_000) }),
  };
}

type Problem = MessageInitShape<typeof StatusProblemSchema>;

function problemsOf(
  { readiness, ledger }: StatusOptions,
  { lagUs, held, quarantined }: StoreStatus,
): Problem[] {
  const problems: Problem[] = [];
  if (readiness.refusesWrites)
    problems.push({
      kind: ProblemKind.NOT_WRITABLE,
      message:
        "This accessor cannot store: PostgreSQL refuses writes, does not answer, or its disk is " +
        "full. Producers keep what they have and send it later. Look at the logs of PostgreSQL.",
    });
  if (lagUs > behindUs)
    problems.push({
      kind: ProblemKind.HISTORY_BEHIND,
      message:
        `The history is ${Math.round(lagUs / 60e6)} minutes behind the log. Answers are complete, ` +
        "but they become slower, and the log grows. Look for errors of compaction in the " +
        "accessor's log, and whether its machine has processor time left.",
    });
  if (held > 0)
    problems.push({
      kind: ProblemKind.COMMITS_HELD,
      message:
        `Compaction passed over ${held} commits that it could not read. Answers still have them. ` +
        "The table held_commit says why; a newer version may be able to read them.",
    });
  if (quarantined > 0)
    problems.push({
      kind: ProblemKind.ROWS_QUARANTINED,
      message:
        `${quarantined} rows of the log cannot be read, and are missing in answers. The table ` +
        "quarantine has them with the reasons.",
    });
  const limits = Object.entries(ledger.refused()).filter(([, count]) => count > 0);
  if (limits.length > 0)
    problems.push({
      kind: ProblemKind.LIMITS_REACHED,
      message:
        "Callers reached limits since this accessor started: " +
        `${limits.map(([limit, count]) => `${limit} (${count} times)`).join(", ")}. ` +
        "docs/limits.md says which setting raises each.",
    });
  return problems;
}
