// Compares pages of state intervals, and the silence in them, with the raw records. For tests only.
import { create } from "@bufbuild/protobuf";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { expect } from "vitest";
import type { MachineState } from "#gen/millrace/v1/signal_pb.ts";
import { ListStateIntervalsRequestSchema } from "#gen/millrace/v1/signal_service_pb.ts";
import type { StateInterval } from "#gen/millrace/v1/summary_pb.ts";
import { toIntervals } from "../history/state-intervals.ts";
import { at } from "./batches.ts";
import type { TestHistory } from "./history.ts";
import type { RawRecord, Window } from "./records.ts";
import { lengthOf, silentMinutes } from "./silence.ts";

const toUs = (time: Timestamp | undefined) =>
  time === undefined ? undefined : Number(time.seconds) * 1e6 + time.nanos / 1000;

/** nowUs: when the newest commit was made. */
type Question = Window & { pageSize: number; state: number; nowUs: number };

/** records: those up to the revision, in order. */
export async function expectIntervals(
  { service, context }: ReturnType<TestHistory["serviceAt"]>,
  records: readonly RawRecord[],
  { fromUs, toUs: end, state, pageSize, nowUs }: Question,
): Promise<void> {
  const window = { startTime: at(fromUs), endTime: at(end) };
  const byMachine = Map.groupBy(records, ({ machine }) => machine);
  for (const states of [[], [state as MachineState]]) {
    const found: StateInterval[] = [];
    for (let pageToken = ""; ; ) {
      const request = create(ListStateIntervalsRequestSchema, {
        ...window,
        pageSize,
        pageToken,
        states,
      });
      const page = await service.listStateIntervals(request, context);
      expect(page.intervals!.length).toBeLessThanOrEqual(pageSize);
      found.push(...(page.intervals as StateInterval[]));
      pageToken = page.nextPageToken!;
      if (pageToken === "") break;
    }
    const expected = [...byMachine.keys()].sort().flatMap((machine) => {
      const changes = byMachine
        .get(machine)!
        .filter(({ signal }) => signal === "state")
        .map(({ timeUs, value, text }) => ({ timeUs, state: value, text }));
      return toIntervals(changes)
        .filter(({ startUs, endUs = Number.POSITIVE_INFINITY }) => startUs < end && endUs > fromUs)
        .filter((one) => states.length === 0 || states.some((wanted) => wanted === one.state))
        .map((one) => [
          machine,
          one.state,
          changes.findLast(({ timeUs }) => timeUs === one.startUs)!.text,
          one.startUs,
          one.endUs,
        ]);
    });
    const rows = found.map((one) => [
      one.machine,
      one.state,
      one.reason,
      toUs(one.startTime),
      toUs(one.endTime),
    ]);
    expect(rows).toEqual(expected);
    for (const interval of found)
      expectSilence(interval, { records: byMachine.get(interval.machine)!, nowUs });
  }
}

function expectSilence(
  { startTime, endTime, silentTime, silentSinceTime }: StateInterval,
  { records, nowUs }: { records: readonly RawRecord[]; nowUs: number },
): void {
  const endUs = toUs(endTime) ?? nowUs;
  const silent = silentMinutes(records, { fromUs: toUs(startTime)!, toUs: endUs });
  expect(Number(silentTime!.seconds) * 1e6 + silentTime!.nanos / 1000).toBe(lengthOf(silent));
  // The machine is alive in the minute of the record that ends an interval.
  const lastUs = endTime === undefined ? endUs : Math.floor(endUs / 60e6) * 60e6;
  expect(toUs(silentSinceTime)).toBe(
    silent.find((one) => one.fromUs < lastUs && one.toUs >= lastUs)?.sinceUs,
  );
}
