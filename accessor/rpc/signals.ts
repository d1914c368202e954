// SignalService: lists, pages, ranges, latest, and the live feed.
import type { ServiceImpl } from "@connectrpc/connect";
import { SignalKind } from "#gen/millrace/v1/signal_pb.ts";
import {
  ListMachinesRequestSchema,
  ListSignalsRequestSchema,
  QuerySignalsRequestSchema,
  ReadFormat,
  type SignalService,
} from "#gen/millrace/v1/signal_service_pb.ts";
import { compareText } from "../../codec/compare-text.ts";
import { Failure } from "../domain/failure.ts";
import type { SharedMessages } from "../feed/follow.ts";
import type { SentByFeeds } from "../feed/sent.ts";
import { answerRevision, type Listing, type Reads } from "../read/answer-revision.ts";
import { readPackedRange } from "../read/packed-range.ts";
import { readPage } from "../read/page.ts";
import { readRange } from "../read/range.ts";
import type { Catalog } from "../store/catalog.ts";
import type { Descriptions } from "../store/descriptions.ts";
import { aggregateStates } from "./aggregate-states.ts";
import { aggregateSamples } from "./answers.ts";
import { listSignals } from "./catalog.ts";
import { checkFilters } from "./check-filters.ts";
import { checkMachines, checkSignals, toTimeRange } from "./check-request.ts";
import { getLatest } from "./latest.ts";
import { listStateIntervals } from "./list-intervals.ts";
import { listMachines } from "./list-machines.ts";
import { maxPageBytes } from "./page-budget.ts";
import { queryHash } from "./page-token.ts";
import { openPage } from "./paging.ts";
import { zoneOf } from "./resolution.ts";
import { createSee } from "./seen.ts";
import { summarizeMachines } from "./summarize-machines.ts";
import { getVersion } from "./version.ts";
import { createWatch } from "./watch.ts";

// Errors are sent in trailers, of which clients accept 8 KiB.
const maxKnownListed = 30;

export type SignalServiceOptions = {
  reads: Reads & { catalog: Catalog; descriptions: Descriptions };
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
  const { catalog: whole, descriptions, cursors } = reads;
  const see = createSee({ catalog: whole, descriptions, cursors, pageKey });

  return {
    async listMachines(request, context) {
      const seen = await see(context, request);
      const { history } = seen;
      const query = queryHash(ListMachinesRequestSchema, { request, history: history.now });
      const token = { query, nowMs: nowMs(), descriptions: history.descriptions };
      return listMachines({ ...seen, whole, descriptions }, request, token);
    },
    async listSignals(request, context) {
      checkMachines(request.machines);
      const { catalog, history } = await see(context, request);
      const query = queryHash(ListSignalsRequestSchema, { request, history: history.now });
      const token = { query, nowMs: nowMs(), descriptions: history.descriptions };
      return listSignals(catalog, request, token);
    },

    async querySignals(request, context) {
      const { signal: abort } = context;
      const { catalog, history } = await see(context, request);
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
      const { catalog } = await see(context, request);
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

    async getLatest(request, context) {
      const { catalog, history } = await see(context, request);
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
      const { catalog, history } = await see(context, request);
      const kindIn = (name: string) => kindOf(name, catalog);
      const of = { kindOf: kindIn, abort: context.signal, nowMs: nowMs(), history };
      const answer = await aggregateSamples({ ...reads, catalog }, request, of);
      onZone(zoneOf(request.resolution));
      return answer;
    },
    async summarizeMachines(request, context) {
      const { catalog, history } = await see(context, request);
      const { signal: abort } = context;
      return summarizeMachines({ ...reads, catalog }, request, { abort, nowMs: nowMs(), history });
    },
    async aggregateStates(request, context) {
      const { catalog, history } = await see(context, request);
      const of = { abort: context.signal, nowMs: nowMs(), history };
      const answer = await aggregateStates({ ...reads, catalog }, request, of);
      onZone(zoneOf(request.resolution));
      return answer;
    },
    async listStateIntervals(request, context) {
      const { catalog, history } = await see(context, request);
      const { signal: abort } = context;
      return listStateIntervals({ ...reads, catalog }, request, { abort, nowMs: nowMs(), history });
    },

    async getVersion(request, context) {
      const { catalog, history } = await see(context, request.query.value ?? {});
      const kind = (name: string) => kindOf(name, catalog);
      const { signal: abort } = context;
      return getVersion({ ...reads, catalog }, request, {
        kindOf: kind,
        nowMs: nowMs(),
        history,
        abort,
      });
    },

    watchSignals: createWatch({ reads, shared, sent, bookmarkIntervalMs, see }),
  };

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
}
