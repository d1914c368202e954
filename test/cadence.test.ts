// The records that a producer's process sends are those of the machines: 100 samples in each
// second, states and errors at their pace.
import { expect, test } from "vitest";
import { MachineState } from "#gen/millrace/v1/signal_pb.ts";
import { grpcClients } from "./testing/ask.ts";
import { testDatabase } from "./testing/postgres.ts";
import { startAccessor, startProducer } from "./testing/processes.ts";
import { breaksOf, type MachineRecords, readAll, toUs } from "./testing/series.ts";

const secondUs = 1_000_000;

test("20 minutes of the past and 3 live seconds: the cadence holds, and the seam does not show", async () => {
  await using database = await testDatabase();
  await using accessor = await startAccessor(database.url);
  using clients = grpcClients(accessor.url);
  await using producer = startProducer(
    accessor.url,
    "--machines",
    "3",
    "--start",
    "-20m",
    "--duration",
    "1203s",
  );
  expect(await producer.ended).toBe(0);

  const all = await readAll(clients);
  expect([...all.keys()].sort()).toEqual(["lathe-3", "mill-1", "press-2"]);
  for (const [machine, records] of all) {
    expect(breaksOf(records.powerUs), machine).toEqual([]);
    expect(secondsNotHolding(records.powerUs, 100), machine).toEqual([]);
    expect(records.powerUs).toHaveLength(1203 * 100);
    // A meter reads to 0.1 W; a machine's power stays below 20 kW.
    expect(
      records.power.every(
        (watts) =>
          watts >= 0 && watts < 20_000 && Math.abs(watts * 10 - Math.round(watts * 10)) < 1e-6,
      ),
    ).toBe(true);
    expect(outside(stepsOf(records.states.map(toUs)), { from: 1, to: 5 }), machine).toEqual([]);
    expect(records.states.length).toBeGreaterThan(1203 / 5 - 1);
    expect(outside(operationBetweenErrors(records), { from: 10, to: 30 }), machine).toEqual([]);
    expect(operationBetweenErrors(records).length).toBeGreaterThan(5);
  }
});

/** Full seconds with another number of samples. */
function secondsNotHolding(timesUs: readonly number[], count: number): string[] {
  const counts = new Map<number, number>();
  for (const time of timesUs) {
    const second = Math.floor(time / secondUs);
    counts.set(second, (counts.get(second) ?? 0) + 1);
  }
  const [first, last] = [
    Math.floor(timesUs[0]! / secondUs),
    Math.floor(timesUs.at(-1)! / secondUs),
  ];
  const wrong: string[] = [];
  for (let second = first + 1; second < last; second++)
    if (counts.get(second) !== count)
      wrong.push(`${counts.get(second) ?? 0} samples in second ${second}`);
  return wrong;
}

const stepsOf = (timesUs: readonly number[]) =>
  timesUs.slice(1).map((time, i) => time - timesUs[i]!);

const outside = (spansUs: readonly number[], { from, to }: { from: number; to: number }) =>
  spansUs.filter((span) => span < from * secondUs || span > to * secondUs);

/** Time in ACTIVE from one error report to the next, for those after the first state change. */
function operationBetweenErrors({ states, errors }: MachineRecords): number[] {
  const operatedUntil = (untilUs: number) =>
    states.reduce((sum, change, i) => {
      const fromUs = toUs(change);
      const toEndUs = Math.min(untilUs, i + 1 < states.length ? toUs(states[i + 1]!) : untilUs);
      return change.state === MachineState.ACTIVE && toEndUs > fromUs
        ? sum + toEndUs - fromUs
        : sum;
    }, 0);
  const known = errors.map(toUs).filter((time) => time > toUs(states[0]!));
  return stepsOf(known.map(operatedUntil));
}
