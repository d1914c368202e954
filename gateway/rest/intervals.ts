// GET /signals/state/intervals: the timeline of states, in pages, or whole as NDJSON and CSV.
import { type MachineState, MachineStateSchema } from "#gen/millrace/v1/signal_pb.ts";
import type { StateInterval } from "#gen/millrace/v1/summary_pb.ts";
import { toWord } from "../../codec/row/enum-words.ts";
import { formatTime, fromTimestamp, timeText } from "../../codec/row/time-text.ts";
import { lazyList } from "../encoding/json-in-turns.ts";
import type { RestAnswer, RestCall, VersionQuery } from "./call.ts";
import {
  assertNoPageToken,
  echoRange,
  fetchPages,
  nextPage,
  resolvePage,
  toPageToken,
  toRangeFields,
} from "./page.ts";
import type { Parameter, ResolvedTime } from "./parameters.ts";
import { answerTable, toFileName } from "./table.ts";
import { toSeconds } from "./time.ts";

export type IntervalQuery = {
  machine: Parameter<string[]>;
  label: Parameter<string[]>;
  from: Parameter<ResolvedTime>;
  to: Parameter<ResolvedTime>;
  state: Parameter<MachineState[]>;
  limit: Parameter<number>;
  page_token: Parameter<string>;
  min_cursor: Parameter<string>;
};

export const intervalColumns = [
  "machine",
  "state",
  "reason",
  "start_time",
  "end_time",
  "seconds",
  "silent_seconds",
  "silent_since",
];

function toRequest({ query }: RestCall<IntervalQuery>) {
  const asked = { from: query.from, to: query.to, pageToken: query.page_token };
  const page = resolvePage(asked);
  const request = {
    machines: query.machine ?? [],
    labels: query.label ?? [],
    ...toRangeFields(page),
    states: query.state ?? [],
    minCursor: query.min_cursor ?? "",
  };
  return {
    asked,
    page,
    request,
    pageOf: { pageSize: query.limit ?? 0, pageToken: page.pageToken },
  };
}

export function queryOfIntervals(call: RestCall<IntervalQuery>): VersionQuery {
  const { request, pageOf } = toRequest(call);
  return { case: "listStateIntervals", value: { ...request, ...pageOf } };
}

export async function listStateIntervals(call: RestCall<IntervalQuery>): Promise<RestAnswer> {
  const { query, format, csvSafe, upstream, unary } = call;
  const { asked, page, request, pageOf } = toRequest(call);
  const range = echoRange(page);
  if (format !== "json") {
    assertNoPageToken(query.page_token, format);
    const { cursor, cut, pages } = await fetchPages(async (one) => {
      const { intervals, ...rest } = await upstream.signals.listStateIntervals(
        { ...request, ...one },
        unary,
      );
      return { ...rest, items: intervals.map(toRow) };
    }, query.limit || undefined);
    const fileName = toFileName(["state", "intervals", range.from, range.to]);
    return answerTable(pages, {
      format,
      columns: intervalColumns,
      fileName,
      cursor,
      cut,
      safe: csvSafe,
    });
  }
  const answer = await upstream.signals.listStateIntervals({ ...request, ...pageOf }, unary);
  return {
    ...nextPage(answer.nextPageToken, range),
    body: {
      intervals: lazyList(answer.intervals, toRow),
      ...range,
      end_time: timeText(answer.endTime),
      next_page_token: toPageToken(answer.nextPageToken, asked, page),
      cursor: answer.cursor,
    },
  };
}

/** `end_time` and `seconds` are missing while it lasts. */
function toRow({
  machine,
  state,
  reason,
  startTime,
  endTime,
  silentTime,
  silentSinceTime,
}: StateInterval) {
  const endUs = endTime && fromTimestamp(endTime);
  const seconds =
    startTime && endUs !== undefined ? Number(endUs - fromTimestamp(startTime)) / 1e6 : undefined;
  return {
    machine,
    state: toWord(MachineStateSchema, state),
    reason,
    start_time: timeText(startTime),
    end_time: endUs === undefined ? undefined : formatTime(endUs),
    seconds,
    silent_seconds: silentTime ? toSeconds(silentTime) : 0,
    silent_since: timeText(silentSinceTime),
  };
}
