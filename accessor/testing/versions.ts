// Asks a question for its version and its answer, and compares two answers to one question. For
// tests only.
import { create, type DescMessage, type MessageInitShape, toJsonString } from "@bufbuild/protobuf";
import { expect } from "vitest";
import * as rpc from "#gen/millrace/v1/signal_service_pb.ts";
import { at } from "./batches.ts";
import type { TestHistory } from "./history.ts";

export type Query = Exclude<rpc.GetVersionRequest["query"], { case: undefined }>;
type QueryInit = Exclude<
  NonNullable<MessageInitShape<typeof rpc.GetVersionRequestSchema>["query"]>,
  { case?: undefined }
>;

export const minuteUs = 60_000_000;
export const toQuery = (query: QueryInit): Query =>
  create(rpc.GetVersionRequestSchema, { query }).query as Query;

/** All kinds of questions about a window. */
export function queriesOf(
  { fromUs, toUs }: { fromUs: number; toUs: number },
  machines: readonly string[],
): Query[] {
  const window = { machines: [...machines], startTime: at(fromUs), endTime: at(toUs) };
  const width = { case: "width" as const, value: { seconds: 60n, nanos: 0 } };
  return [
    ...["power", "oil", "state", "error"].map((signal) =>
      toQuery({ case: "querySignals", value: { ...window, signal, pageSize: 20 } }),
    ),
    toQuery({
      case: "aggregateSamples",
      value: { ...window, signals: ["power"], resolution: width },
    }),
    toQuery({ case: "summarizeMachines", value: window }),
    toQuery({ case: "aggregateStates", value: { ...window, resolution: width } }),
    toQuery({ case: "listStateIntervals", value: { ...window, pageSize: 20 } }),
  ];
}

export type Asked = { version: string; answer: string } | undefined;

/**
 * Its version and its answer as text, without the parts that may differ; undefined if it is
 * refused.
 */
export async function askVersion(
  history: TestHistory,
  of: { query: Query; revision: number; committedUs?: number | undefined },
): Promise<Asked> {
  const { query, revision, committedUs = Date.now() * 1000 } = of;
  const { service, context } = history.serviceAt(revision, committedUs);
  try {
    const version = await service.getVersion(
      create(rpc.GetVersionRequestSchema, { query }),
      context,
    );
    return { version: version.version!, answer: await answerOf(query, { service, context }) };
  } catch {
    return undefined;
  }
}

// Including its zeros: a sum may be 0 or, computed in another order, nearly so.
const said = <Desc extends DescMessage>(desc: Desc, init: MessageInitShape<Desc>) =>
  toJsonString(desc, create(desc, init), { alwaysEmitImplicit: true });

async function answerOf(
  query: Query,
  { service, context }: ReturnType<TestHistory["serviceAt"]>,
): Promise<string> {
  const bare = { cursor: "", nextPageToken: "" };
  switch (query.case) {
    case "querySignals": {
      const answer = await service.querySignals(query.value, context);
      return said(rpc.QuerySignalsResponseSchema, { ...answer, ...bare });
    }
    case "aggregateSamples": {
      const answer = await service.aggregateSamples(query.value, context);
      return said(rpc.AggregateSamplesResponseSchema, { ...answer, cursor: "" });
    }
    case "summarizeMachines": {
      const answer = await service.summarizeMachines(query.value, context);
      return said(rpc.SummarizeMachinesResponseSchema, { ...answer, cursor: "" });
    }
    case "aggregateStates": {
      const answer = await service.aggregateStates(query.value, context);
      return said(rpc.AggregateStatesResponseSchema, { ...answer, cursor: "" });
    }
    default: {
      const answer = await service.listStateIntervals(query.value, context);
      return said(rpc.ListStateIntervalsResponseSchema, { ...answer, ...bare });
    }
  }
}

// The values of these tests lie within ±1,000. Sums may differ in their last digits if samples were
// added in another order: by this fraction of the greatest value, and not of the sum itself, which
// cancellation can make arbitrarily small. Energy is for windows of at most two months.
const sumTolerance = 1e-9 * 1_000;
const tolerances = new Map([
  ["mean", sumTolerance],
  ["timeWeightedMean", sumTolerance],
  ["meanPowerW", sumTolerance],
  ["integral", 60 * sumTolerance],
  ["energyKwh", (62 * 24 * sumTolerance) / 1_000],
]);

/** The answers are equal, except for the permitted difference of their sums. */
export function expectSame(answer: string, before: string, message: string): void {
  const sums: [string, number][] = [];
  const withoutSums = (text: string, see: (key: string, value: number) => void) =>
    JSON.stringify(
      JSON.parse(text, (key, value: unknown) => {
        if (!tolerances.has(key)) return value;
        see(key, value as number);
        return 0;
      }),
    );
  const now = withoutSums(answer, (...sum) => sums.push(sum));
  expect(now, message).toBe(withoutSums(before, () => {}));
  let at = 0;
  withoutSums(before, (key, value) => {
    const [, other] = sums[at++]!;
    expect(
      Math.abs(other - value),
      `${message}: ${key} was ${value}, is ${other}`,
    ).toBeLessThanOrEqual(tolerances.get(key)!);
  });
}
