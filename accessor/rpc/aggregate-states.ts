// AggregateStates: the states of machines, by bucket of time.
import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type AggregateStatesRequest,
  AggregateStatesRequestSchema,
  type AggregateStatesResponseSchema,
} from "#gen/millrace/v1/signal_service_pb.ts";
import { EnergyAbsence, type StateBucketSchema } from "#gen/millrace/v1/summary_pb.ts";
import { toDuration, toTimestamp } from "../../codec/timestamps.ts";
import { Turns } from "../../runtime/turns.ts";
import { plus, zero } from "../history/double-double.ts";
import { availability } from "../history/error-stats.ts";
import type { Window } from "../history/line-area.ts";
import { toleranceUsOf } from "../history/silence.ts";
import type { StateTotals } from "../history/state-totals.ts";
import type { Reads } from "../read/answer-revision.ts";
import { type Power, powerOf, summarizeState, toKwh } from "../read/machine-summary.ts";
import { readSilentTimes, type SilentTime } from "../read/silences.ts";
import { readStateSlots } from "../read/state-totals.ts";
import { readWatermark } from "../store/watermark.ts";
import { type Asking, pointsFor } from "./answers.ts";
import { checkMachines } from "./check-request.ts";
import { maxPageBytes } from "./page-budget.ts";
import { openPage } from "./paging.ts";
import { maxBuckets, toEdges, tooManyBuckets } from "./resolution.ts";
import { someAtOnce } from "./some-at-once.ts";
import { headOf, pagedWindow, windowAt } from "./window.ts";

/** A bucket with all five states, and a machine's name. */
const sizes = { bucketBytes: 370, rowBytes: 1_000 };
const bucketsInARow = 256;

export async function aggregateStates(
  reads: Reads,
  request: AggregateStatesRequest,
  { abort, ...paging }: Asking,
): Promise<MessageInitShape<typeof AggregateStatesResponseSchema>> {
  checkMachines(request.machines);
  const { token, encode } = openPage(AggregateStatesRequestSchema, request, paging);
  const head = await headOf(reads, request, { token, abort });
  const { revision } = head;
  // An open end stays where it was on the first page, and buckets stay the same when machines are
  // added.
  const window =
    token === undefined ? windowAt(head, request) : pagedWindow(request, token.after.timeUs);
  const series = await reads.catalog.select({ machines: request.machines, signals: [] });
  const all = [...Map.groupBy(series, ({ machineId }) => machineId)];
  const defaultPoints = token?.after.position ?? pointsFor(all.length, sizes);
  const edgesUs = toEdges(request.resolution, { window, defaultPoints });
  const each = Math.max(0, edgesUs.length - 1);
  if (all.length * each > maxBuckets)
    throw tooManyBuckets(
      `${all.length} machines with ${each} buckets each exceed the limit of ${maxBuckets} buckets: ask for fewer machines or wider buckets`,
    );
  const fitting = Math.max(
    1,
    Math.floor(maxPageBytes / (sizes.rowBytes + each * sizes.bucketBytes)),
  );
  const left = all.slice(all.findIndex(([id]) => id === token?.after.revision) + 1);
  const some = left.slice(0, Math.min(fitting, request.pageSize || fitting));
  const watermark = await readWatermark(reads.database, revision, { abort });
  const turns = new Turns();
  const of = { revision, watermark, abort };
  const slotsOf = some.map(([machineId, mine]) => ({ machineId, series: mine, edgesUs }));
  const silent = each === 0 ? [] : await readSilentTimes(reads.database, slotsOf, of);
  const places = some.map(([machineId, mine], place) => ({ machineId, mine, place }));
  const machines = await someAtOnce(places, async ({ machineId, mine, place }) => {
    const power = powerOf(mine);
    const states = mine.find(({ signal: name }) => name === "state");
    const query = { machineId, states, power: power.series, ...window, ...of };
    const slots = each === 0 ? [] : await readStateSlots(reads.database, query, edgesUs);
    const buckets: MessageInitShape<typeof StateBucketSchema>[] = [];
    for (const [i, totals] of slots.entries()) {
      if (i % bucketsInARow === 0) await turns.pause();
      const span = { fromUs: edgesUs[i]!, toUs: edgesUs[i + 1]! };
      buckets.push(toBucket(totals, { ...span, power, silent: silent[place]![i]! }));
    }
    const energyAbsence =
      power.absence ?? (each === 0 ? EnergyAbsence.NO_TIME : EnergyAbsence.UNSPECIFIED);
    const silenceTolerance = toDuration(toleranceUsOf(mine));
    return { machine: mine[0]!.machine, buckets, energyAbsence, silenceTolerance };
  });
  const last = { timeUs: window.toUs, revision: some.at(-1)?.[0] ?? 0, position: defaultPoints };
  const more = some.length < left.length;
  return {
    machines,
    nextPageToken: more ? encode({ revision, after: last }) : "",
    cursor: reads.cursors.encode(revision),
    endTime: toTimestamp(window.toUs),
  };
}

function toBucket(
  totals: StateTotals,
  { fromUs, toUs, power, silent }: Window & { power: Power; silent: SilentTime },
): MessageInitShape<typeof StateBucketSchema> {
  const ratio = availability(totals.timeUs);
  const integral = totals.integral.reduce(plus, zero).high;
  const coveredUs = totals.coveredUs.reduce((a, b) => a + b, 0);
  const isKnown = power.watts !== undefined && coveredUs > 0;
  return {
    startTime: toTimestamp(fromUs),
    endTime: toTimestamp(toUs),
    states: totals.timeUs.flatMap((timeUs, state) =>
      timeUs === 0 ? [] : [summarizeState(totals, state, { power, silent })],
    ),
    transitions: BigInt(totals.transitions),
    ...(ratio === undefined ? {} : { availability: ratio }),
    ...(isKnown ? { energyKwh: toKwh(integral, power.watts) } : {}),
    ...(power.watts === undefined ? {} : { coverage: coveredUs / (toUs - fromUs) }),
  };
}
