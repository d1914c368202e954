// Answers of ListMachines and ListSignals out of the catalog.
import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  ListMachinesRequest,
  ListMachinesResponseSchema,
  ListSignalsRequest,
  ListSignalsResponseSchema,
} from "#gen/millrace/v1/signal_service_pb.ts";
import { toTimestamp } from "../../samples/timestamps.ts";
import type { Listing } from "../read/as-of.ts";
import { compareText, type Series } from "../store/catalog.ts";
import { checkMachines } from "./check-request.ts";
import { decodePageToken, encodePageToken } from "./page-token.ts";

/** A page ends at a machine: its token holds the machine's id, whose name never changes. */
export async function listMachines(
  catalog: Listing,
  { pageSize, pageToken }: ListMachinesRequest,
  token: { query: Buffer; nowMs: number },
): Promise<MessageInitShape<typeof ListMachinesResponseSchema>> {
  const limit = pageSize || 100;
  const all = await catalog.machines("", Number.POSITIVE_INFINITY);
  const lastId = pageToken === "" ? undefined : decodePageToken(pageToken, token).revision;
  const after = all.find(({ id }) => id === lastId)?.name ?? "";
  const machines = all.filter(({ name }) => name > after).slice(0, limit + 1);
  const page = machines.slice(0, limit);
  const ended = { revision: page.at(-1)?.id ?? 0, after: { timeUs: 0, revision: 0, position: 0 } };
  const series = await catalog.select({ machines: page.map(({ name }) => name), signals: [] });
  const signals = Map.groupBy(series, ({ machine }) => machine);
  return {
    machines: page.map(({ name, firstSeenUs }) => ({
      name,
      signals: signals.get(name)?.map(({ signal }) => signal) ?? [],
      firstSeenTime: toTimestamp(firstSeenUs),
    })),
    nextPageToken: machines.length > limit ? encodePageToken(ended, token) : "",
  };
}

export async function listSignals(
  catalog: Listing,
  { machines }: ListSignalsRequest,
): Promise<MessageInitShape<typeof ListSignalsResponseSchema>> {
  checkMachines(machines);
  const bySignal = Map.groupBy(await catalog.select({ machines, signals: [] }), ({ signal }) => signal);
  const signals = [...bySignal].map(([name, series]) => ({
    name,
    kind: series[0]!.kind,
    ...declared(series),
    machineCount: series.length,
  }));
  return { signals: signals.sort((a, b) => compareText(a.name, b.name)) };
}

function declared(series: readonly Series[]) {
  const units = [...new Set(series.map(({ unit }) => unit).filter((unit) => unit !== ""))].sort(compareText);
  const maxGapUs = series.reduce((most, item) => Math.max(most, item.maxGapUs ?? 0), 0);
  if (maxGapUs === 0) return { units };
  const { seconds, nanos } = toTimestamp(maxGapUs);
  return { units, maxGap: { seconds, nanos } };
}
