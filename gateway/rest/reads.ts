// The REST handlers that read: parameters to a request, an answer to rows.

import { type MessageInitShape, toJson } from "@bufbuild/protobuf";
import { DurationSchema } from "@bufbuild/protobuf/wkt";
import { createClient } from "@connectrpc/connect";
import { type MachineState, type Severity, SignalKindSchema } from "#gen/millrace/v1/signal_pb.ts";
import { SignalService, type WatchSignalsRequestSchema } from "#gen/millrace/v1/signal_service_pb.ts";
import { invalidField } from "../errors.ts";
import type { RestAnswer, RestCall } from "./call.ts";
import { writeLive } from "./live.ts";
import { resolvePage, toPageToken } from "./page.ts";
import type { Parameter, ResolvedTime } from "./parameters.ts";
import { toRow } from "./rows.ts";
import { formatTime, fromTimestamp, toTimestamp } from "./time.ts";
import { toWord } from "./words.ts";

type Machines = { machine: Parameter<string[]> };
type MinCursor = { min_cursor: Parameter<string> };
type Paged = { limit: Parameter<number>; page_token: Parameter<string> };

export async function listSignals({ query, upstream, unary }: RestCall<Machines>): Promise<RestAnswer> {
  const { signals } = await upstream.signals.listSignals({ machines: query.machine ?? [] }, unary);
  return {
    body: {
      signals: signals.map(({ name, kind, units, maxGap, machineCount }) => ({
        name,
        kind: toWord(SignalKindSchema, kind),
        units,
        max_gap: maxGap && toJson(DurationSchema, maxGap),
        machine_count: machineCount,
      })),
    },
  };
}

export async function listMachines({ query, upstream, unary, url, search }: RestCall<Paged>): Promise<RestAnswer> {
  const request = { pageSize: query.limit ?? 0, pageToken: query.page_token ?? "" };
  const { machines, nextPageToken } = await upstream.signals.listMachines(request, unary);
  return {
    headers: nextLink({ url, search }, nextPageToken),
    body: {
      machines: machines.map(({ name, signals, firstSeenTime }) => ({
        name,
        signals,
        first_seen_time: firstSeenTime && formatTime(fromTimestamp(firstSeenTime)),
      })),
      next_page_token: nextPageToken,
    },
  };
}

type RangeQuery = Machines &
  MinCursor &
  Paged & {
    from: Parameter<ResolvedTime>;
    to: Parameter<ResolvedTime>;
    severity: Parameter<Severity[]>;
    code_prefix: Parameter<string>;
    state: Parameter<MachineState[]>;
  };

export async function querySignals({
  path,
  query,
  upstream,
  unary,
  url,
  search,
}: RestCall<RangeQuery>): Promise<RestAnswer> {
  const asked = { from: query.from, to: query.to, pageToken: query.page_token };
  const page = resolvePage(asked);
  const answer = await upstream.signals.querySignals(
    {
      signal: path["type"]!,
      machines: query.machine ?? [],
      ...(page.from === undefined ? {} : { startTime: toTimestamp(page.from) }),
      ...(page.to === undefined ? {} : { endTime: toTimestamp(page.to) }),
      pageSize: query.limit ?? 0,
      pageToken: page.pageToken,
      minCursor: query.min_cursor ?? "",
      severities: query.severity ?? [],
      codePrefix: query.code_prefix ?? "",
      states: query.state ?? [],
    },
    unary,
  );
  const from = page.from === undefined ? undefined : formatTime(page.from);
  const to = page.to === undefined ? undefined : formatTime(page.to);
  return {
    // With the times as resolved, so the link stays good whatever the request said.
    headers: nextLink({ url, search }, answer.nextPageToken, { from, to }),
    body: {
      signals: answer.signals.map(toRow),
      from,
      to,
      next_page_token: toPageToken(answer.nextPageToken, asked, page),
      cursor: answer.cursor,
    },
  };
}

export async function getLatest({ path, query, upstream, unary }: RestCall<Machines & MinCursor>): Promise<RestAnswer> {
  const { signals, cursor } = await upstream.signals.getLatest(
    { signals: [path["type"]!], machines: query.machine ?? [], minCursor: query.min_cursor ?? "" },
    unary,
  );
  return { body: { signals: signals.map(toRow), cursor } };
}

type WatchQuery = Machines & { after: Parameter<string>; since: Parameter<ResolvedTime> };

export async function watchSignals({
  path,
  query,
  header,
  upstream,
  stream,
}: RestCall<WatchQuery>): Promise<RestAnswer> {
  if (query.after !== undefined && query.since !== undefined) throw invalidField("since", "not together with after");
  // What the client saw last is newer than the URL that it began with.
  const after = header("last-event-id") || query.after;
  const request: MessageInitShape<typeof WatchSignalsRequestSchema> = {
    signals: [path["type"]!],
    machines: query.machine ?? [],
  };
  if (after !== undefined) request.start = { case: "afterCursor", value: after };
  else if (query.since) request.start = { case: "fromCommitTime", value: toTimestamp(query.since.us) };
  return {
    async stream(response, toProblem) {
      const { transport, giveBack } = upstream.borrow();
      try {
        const feed = createClient(SignalService, transport).watchSignals(request, { signal: stream.signal });
        await writeLive(feed, response, { ...stream, toProblem });
      } finally {
        giveBack();
      }
    },
  };
}

/** The Link header to the next page; times as they were resolved, so that it stays good whatever the request said. */
function nextLink(
  { url, search }: { url: string; search: string },
  nextPageToken: string,
  times: Record<string, string | undefined> = {},
): Record<string, string> {
  if (nextPageToken === "") return {};
  const next = new URLSearchParams(search);
  for (const [name, time] of Object.entries(times)) if (time !== undefined) next.set(name, time);
  next.set("page_token", nextPageToken);
  return { link: `<${url}?${next}>; rel="next"` };
}
