// The REST handlers that read records: they convert parameters to a request, and an answer to rows.
import { type MessageInitShape, toJson } from "@bufbuild/protobuf";
import { DurationSchema } from "@bufbuild/protobuf/wkt";
import {
  type MachineState,
  SampleTypeSchema,
  type Severity,
  SignalKindSchema,
} from "#gen/millrace/v1/signal_pb.ts";
import type { QuerySignalsRequestSchema } from "#gen/millrace/v1/signal_service_pb.ts";
import { toWord } from "../../codec/row/enum-words.ts";
import { columnsOf, toRow } from "../../codec/row/record-rows.ts";
import { lazyList } from "../encoding/json-in-turns.ts";
import { invalidField } from "../errors/reasons.ts";
import type { RestAnswer, RestCall, VersionQuery } from "./call.ts";
import { exportRange } from "./export.ts";
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

type Machines = { machine: Parameter<string[]>; label: Parameter<string[]> };
type MinCursor = { min_cursor: Parameter<string> };
type Paged = { limit: Parameter<number>; page_token: Parameter<string> };

const pageOf = ({
  limit,
  page_token,
}: {
  limit: number | undefined;
  page_token: string | undefined;
}) => ({
  pageSize: limit ?? 0,
  pageToken: page_token ?? "",
});

export async function listSignals({
  query,
  upstream,
  unary,
}: RestCall<Machines & Paged>): Promise<RestAnswer> {
  const request = { machines: query.machine ?? [], labels: query.label ?? [], ...pageOf(query) };
  const { signals, nextPageToken } = await upstream.signals.listSignals(request, unary);
  return {
    ...nextPage(nextPageToken),
    body: {
      signals: lazyList(
        signals,
        ({ name, kind, units, unitsLeftOut, maxGap, sampleTypes, machineCount }) => ({
          name,
          kind: toWord(SignalKindSchema, kind),
          units,
          units_left_out: unitsLeftOut || undefined,
          max_gap: maxGap && toJson(DurationSchema, maxGap),
          sample_types:
            sampleTypes.length > 0
              ? sampleTypes.map((type) => toWord(SampleTypeSchema, type))
              : undefined,
          machine_count: machineCount,
        }),
      ),
      next_page_token: nextPageToken,
    },
  };
}

export type RangeQuery = Machines &
  MinCursor &
  Paged & {
    from: Parameter<ResolvedTime>;
    to: Parameter<ResolvedTime>;
    severity: Parameter<Severity[]>;
    code_prefix: Parameter<string>;
    state: Parameter<MachineState[]>;
  };

/** The request that a call makes to the accessor, and its range of time. */
function toRequest({ path, query }: RestCall<RangeQuery>) {
  const asked = { from: query.from, to: query.to, pageToken: query.page_token };
  const page = resolvePage(asked);
  const request = {
    signal: path["type"]!,
    machines: query.machine ?? [],
    labels: query.label ?? [],
    ...toRangeFields(page),
    minCursor: query.min_cursor ?? "",
    severities: query.severity ?? [],
    codePrefix: query.code_prefix ?? "",
    states: query.state ?? [],
  };
  return {
    asked,
    page,
    request,
    paging: { pageSize: query.limit ?? 0, pageToken: page.pageToken },
  };
}

export function queryOfSignals(call: RestCall<RangeQuery>): VersionQuery {
  const { request, paging } = toRequest(call);
  return { case: "querySignals", value: { ...request, ...paging } };
}

export async function querySignals(call: RestCall<RangeQuery>): Promise<RestAnswer> {
  const { format, upstream, unary } = call;
  const { asked, page, request, paging } = toRequest(call);
  if (format !== "json") return exportSignals(call, request, echoRange(page));
  const answer = await upstream.signals.querySignals({ ...request, ...paging }, unary);
  const range = echoRange(page);
  return {
    ...nextPage(answer.nextPageToken, range),
    body: {
      signals: lazyList(answer.signals, toRow),
      ...range,
      next_page_token: toPageToken(answer.nextPageToken, asked, page),
      cursor: answer.cursor,
    },
  };
}

type Request = Omit<MessageInitShape<typeof QuerySignalsRequestSchema>, "$typeName"> & {
  signal: string;
};

async function exportSignals(
  { query, format, csvSafe, upstream, unary, stream }: RestCall<RangeQuery>,
  request: Request,
  range: { from: string | undefined; to: string | undefined },
): Promise<RestAnswer> {
  assertNoPageToken(query.page_token, format);
  const { signal: name, severities = [], states = [], codePrefix } = request;
  const machine = query.machine?.length === 1 ? query.machine[0] : undefined;
  const fileName = toFileName([name, machine, range.from, range.to]);
  // As everywhere, 0 means the default.
  const limit = query.limit || undefined;
  if (severities.length === 0 && states.length === 0 && !codePrefix) {
    const { machines = [], labels = [], startTime, endTime, minCursor = "" } = request;
    const times = { ...(startTime && { startTime }), ...(endTime && { endTime }) };
    const options = { upstream, abort: stream.abort, format, fileName, limit, safe: csvSafe };
    return exportRange({ signals: [name], machines, labels, ...times, minCursor }, options);
  }
  const { cursor, cut, pages } = await fetchPages(async (page) => {
    const { signals, ...rest } = await upstream.signals.querySignals(
      { ...request, ...page },
      unary,
    );
    return { ...rest, items: signals.map(toRow) };
  }, limit);
  return answerTable(pages, {
    format,
    columns: columnsOf(name),
    fileName,
    cursor,
    cut,
    safe: csvSafe,
  });
}

export async function getLatest(call: RestCall<Machines & MinCursor & Paged>): Promise<RestAnswer> {
  const { path, query, upstream, unary } = call;
  const what = {
    signals: [path["type"]!],
    machines: query.machine ?? [],
    labels: query.label ?? [],
    minCursor: query.min_cursor ?? "",
  };
  const { signals, cursor, nextPageToken } = await upstream.signals.getLatest(
    { ...what, ...pageOf(query) },
    unary,
  );
  return {
    ...nextPage(nextPageToken),
    body: { signals: lazyList(signals, toRow), next_page_token: nextPageToken, cursor },
  };
}

/** The signals in a list like "power,temperature". */
export function toSignals(type: string): string[] {
  const names = type.split(",").filter((name) => name !== "");
  if (names.length === 0) throw invalidField("type", "name at least one signal");
  return names;
}
