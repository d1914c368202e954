// SignalService: lists, pages, ranges, latest, and the live feed.
import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import { SignalKind } from "#gen/millrace/v1/signal_pb.ts";
import {
  ListMachinesRequestSchema,
  ListSignalsRequestSchema,
  QuerySignalsRequestSchema,
  ReadFormat,
  type SignalService,
  type WatchSignalsRequest,
} from "#gen/millrace/v1/signal_service_pb.ts";
import { compareText } from "../../codec/compare-text.ts";
import { seeCatalog } from "../access/caller.ts";
import { Failure } from "../domain/failure.ts";
import { createFilter } from "../feed/filter.ts";
import { follow, type SharedMessages } from "../feed/follow.ts";
import type { SentByFeeds } from "../feed/sent.ts";
import { answerRevision, knownHead, type Listing, type Reads } from "../read/answer-revision.ts";
import { readPackedRange } from "../read/packed-range.ts";
import { readPage } from "../read/page.ts";
import { readRange } from "../read/range.ts";
import type { Catalog } from "../store/catalog.ts";
import { readCommits, readCommitTime, readEarliest, readRevisionBefore } from "../store/log.ts";
import type { Selection } from "../store/series.ts";
import { aggregateStates } from "./aggregate-states.ts";
import { aggregateSamples } from "./answers.ts";
import { listMachines, listSignals } from "./catalog.ts";
import { checkFilters } from "./check-filters.ts";
import { checkMachines, checkSignals, toTimeRange } from "./check-request.ts";
import { assertHasCome } from "./commit-time.ts";
import { getLatest } from "./latest.ts";
import { listStateIntervals } from "./list-intervals.ts";
import { maxPageBytes } from "./page-budget.ts";
import { queryHash, type SeenHistory } from "./page-token.ts";
import { openPage } from "./paging.ts";
import { zoneOf } from "./resolution.ts";
import { summarizeMachines } from "./summarize-machines.ts";
import { getVersion } from "./version.ts";

// Errors are sent in trailers, of which clients accept 8 KiB.
const maxKnownListed = 30;

export type SignalServiceOptions = {
  reads: Reads & { catalog: Catalog };
  shared: SharedMessages;
  /** Counts what feeds send. */
  sent: SentByFeeds;
  /** The key that signs page tokens. */
  pageKey: string;
  /** How often a feed sends its position while nothing matches. */
  bookmarkIntervalMs: number;
  /** The wall clock; only the lifetime of page tokens depends on it. */
  nowMs: () => number;
  /** Called with each time zone that an answer used. */
  onZone?: (timeZone: string | undefined) => void;
};

export function createSignalService({
  reads,
  shared,
  sent,
  pageKey,
  bookmarkIntervalMs,
  nowMs,
  onZone = () => {},
}: SignalServiceOptions): ServiceImpl<typeof SignalService> {
  const { cursors, tail, database, epochs } = reads;

  return {
    async listMachines(request, context) {
      const { catalog, history } = see(context);
      const query = queryHash(ListMachinesRequestSchema, { request, history: history.now });
      return listMachines(catalog, request, { query, nowMs: nowMs() });
    },
    async listSignals(request, context) {
      checkMachines(request.machines);
      const { catalog, history } = see(context);
      const query = queryHash(ListSignalsRequestSchema, { request, history: history.now });
      return listSignals(catalog, request, { query, nowMs: nowMs() });
    },

    async querySignals(request, context) {
      const { signal: abort } = context;
      const { catalog, history } = see(context);
      const { signal, machines, severities, codePrefix, states } = request;
      checkMachines(machines);
      const range = toTimeRange(request.startTime, request.endTime);
      const { token, encode } = openPage(QuerySignalsRequestSchema, request, {
        history,
        nowMs: nowMs(),
      });
      const revision = token?.revision ?? (await answerRevision(reads, request.minCursor, abort));
      // Check this only now: the commits that min_cursor waits for may have the signal's first
      // records.
      const kind = await kindOf(signal, catalog);
      checkFilters(kind, {
        severities: severities.length > 0,
        codePrefix,
        states: states.length > 0,
      });
      const series = await catalog.select({ machines, signals: [signal] });
      const limit = request.pageSize || 1_000;
      const page = await readPage(
        reads,
        {
          signal,
          kind,
          series,
          ...range,
          revision,
          after: token?.after,
          limit,
          maxBytes: maxPageBytes,
          states,
          severities,
          codePrefix,
        },
        abort,
      );
      const nextPageToken = page.next === undefined ? "" : encode({ revision, after: page.next });
      return { signals: page.signals, nextPageToken, cursor: cursors.encode(revision) };
    },

    async *readSignals(request, context) {
      const { signal: abort } = context;
      const { catalog } = see(context);
      checkMachines(request.machines);
      const range = toTimeRange(request.startTime, request.endTime);
      const revision = await answerRevision(reads, request.minCursor, abort);
      for (const signal of request.signals) await kindOf(signal, catalog);
      const series = await catalog.select(request);
      const cursor = cursors.encode(revision);
      yield { batches: [], cursor };
      const query = { series, ...range, revision };
      if (request.format === ReadFormat.BLOCKS) {
        for await (const slice of readPackedRange(reads, query, abort)) yield { ...slice, cursor };
      } else {
        for await (const batches of readRange(reads, query, abort)) yield { batches, cursor };
      }
    },

    getLatest(request, context) {
      const { catalog, history } = see(context);
      const kind = (name: string) => kindOf(name, catalog);
      const { signal: abort } = context;
      return getLatest({ ...reads, catalog }, request, {
        kindOf: kind,
        abort,
        nowMs: nowMs(),
        history,
      });
    },

    async aggregateSamples(request, context) {
      const { catalog, history } = see(context);
      const kindIn = (name: string) => kindOf(name, catalog);
      const of = { kindOf: kindIn, abort: context.signal, nowMs: nowMs(), history };
      const answer = await aggregateSamples({ ...reads, catalog }, request, of);
      onZone(zoneOf(request.resolution));
      return answer;
    },
    summarizeMachines(request, context) {
      const { catalog, history } = see(context);
      const { signal: abort } = context;
      return summarizeMachines({ ...reads, catalog }, request, { abort, nowMs: nowMs(), history });
    },
    async aggregateStates(request, context) {
      const { catalog, history } = see(context);
      const of = { abort: context.signal, nowMs: nowMs(), history };
      const answer = await aggregateStates({ ...reads, catalog }, request, of);
      onZone(zoneOf(request.resolution));
      return answer;
    },
    listStateIntervals(request, context) {
      const { catalog, history } = see(context);
      const { signal: abort } = context;
      return listStateIntervals({ ...reads, catalog }, request, { abort, nowMs: nowMs(), history });
    },

    getVersion(request, context) {
      const { catalog, history } = see(context);
      const kind = (name: string) => kindOf(name, catalog);
      const { signal: abort } = context;
      return getVersion({ ...reads, catalog }, request, {
        kindOf: kind,
        nowMs: nowMs(),
        history,
        abort,
      });
    },

    async *watchSignals(request, context) {
      const { signal: abort } = context;
      const { catalog, visible } = see(context);
      checkMachines(request.machines);
      checkSignals(request.signals);
      const after = await startOf(request);
      // Commits of another accessor may not have been published here yet.
      tail.notice(after);
      await tail.reach(after, abort);
      yield* follow({
        tail,
        filter: createFilter(request, visible),
        after,
        readLog: (range) =>
          readLog(range, request, { catalog, limited: visible !== undefined, abort }),
        readCommitTime: (revision) => readCommitTime(database, revision),
        toCursor: (revision) => cursors.encode(revision),
        startCursor: request.start.case === "afterCursor" ? request.start.value : undefined,
        shared,
        sent,
        bookmarkIntervalMs,
        abort,
      });
    },
  };

  /** What the caller may see. */
  function see(context: HandlerContext) {
    const { catalog, visible } = seeCatalog(reads.catalog, context);
    const key = visible?.key ?? "";
    const history: SeenHistory = {
      get now() {
        return pageKey + cursors.history + key;
      },
      at: (revision) => pageKey + cursors.historyAt(revision) + key,
    };
    return { catalog, visible, history };
  }

  /**
   * Fails with SIGNAL_UNKNOWN, listing the known ones. The signals of states and errors are known
   * even before any machine has sent one.
   */
  async function kindOf(signal: string, catalog: Listing): Promise<SignalKind> {
    checkSignals([signal]);
    if (signal === "state") return SignalKind.STATE;
    if (signal === "error") return SignalKind.EVENT;
    const series = await catalog.anyOf(signal);
    if (series !== undefined) return series.kind;
    const names = [...new Set(["state", "error", ...(await catalog.signalNames())])].sort(
      compareText,
    );
    const known =
      names.slice(0, maxKnownListed).join(", ") + (names.length > maxKnownListed ? ", …" : "");
    throw new Failure(
      "SIGNAL_UNKNOWN",
      `no machine has sent the signal "${signal}"; known are ${known}`,
      {
        metadata: { signal, known },
      },
    );
  }

  async function startOf({ start }: WatchSignalsRequest): Promise<number> {
    if (start.case === undefined) return tail.head.revision;
    const earliest = await readEarliest(database);
    if (start.case === "afterCursor") {
      const revision = cursors.decode(start.value, {
        field: "after_cursor",
        headRevision: await knownHead(reads),
      });
      if (revision < earliest - 1) throw expired(earliest);
      return revision;
    }
    const { fromUs } = toTimeRange(start.value, undefined);
    await assertHasCome(database, fromUs);
    const revision = await readRevisionBefore(database, fromUs);
    if (revision === undefined) throw expired(earliest);
    return revision;
  }

  async function readLog(
    range: { after: number; through: number },
    selection: Selection,
    { catalog, limited, abort }: { catalog: Listing; limited: boolean; abort: AbortSignal },
  ) {
    const earliest = await readEarliest(database);
    if (range.after < earliest - 1) throw expired(earliest);
    const all = selection.machines.length === 0 && selection.signals.length === 0 && !limited;
    const seriesIds = all ? undefined : (await catalog.select(selection)).map(({ id }) => id);
    const options = { catalog: reads.catalog, abort };
    const page = await epochs.within(() => readCommits(database, { ...range, seriesIds }, options));
    return { ...page, committedUs: await readCommitTime(database, page.through) };
  }

  function expired(earliest: number): Failure {
    const message =
      "the log no longer reaches back that far: read the range, then watch after the answer's cursor";
    return new Failure("CURSOR_EXPIRED", message, {
      metadata: { earliest_cursor: cursors.encode(earliest - 1) },
    });
  }
}
