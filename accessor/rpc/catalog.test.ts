// Entries of the catalog that would be too long: what is listed of them, and how much is not.
import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { SampleType, SignalKind } from "#gen/millrace/v1/signal_pb.ts";
import {
  ListMachinesRequestSchema,
  ListSignalsRequestSchema,
} from "#gen/millrace/v1/signal_service_pb.ts";
import type { Listing } from "../read/answer-revision.ts";
import type { Series } from "../store/series.ts";
import { listSignals } from "./catalog.ts";
import { listMachines, type SeenMachines } from "./list-machines.ts";

const token = { query: Buffer.alloc(32), nowMs: 0 };

function catalogOf(series: Partial<Series>[]): Listing {
  const all = series.map(
    (one, id) => ({ id, machineId: 1, kind: SignalKind.NUMERIC, unit: "", ...one }) as Series,
  );
  const names = [...new Set(all.map(({ machine }) => machine))];
  return {
    select: async () => all,
    machines: async (_after: string, limit: number) =>
      names.slice(0, limit).map((name, id) => ({ id, name, firstSeenUs: 1_000_000 })),
  } as unknown as Listing;
}

test.each([
  [99, 99, 0],
  [100, 100, 0],
  [101, 100, 1],
  [250, 100, 150],
])(
  "of %i units a signal lists %i and says that %i are left out",
  async (count, listed, unitsLeftOut) => {
    const series = Array.from({ length: count }, (_, i) => ({
      machine: `m${i}`,
      signal: "power",
      unit: `u${1_000 + i}`,
    }));
    // The same unit again, and none, are no further ones.
    const all = [
      ...series,
      { machine: "again", signal: "power", unit: "u1000" },
      { machine: "none", signal: "power" },
    ];
    const { signals } = await listSignals(catalogOf(all), create(ListSignalsRequestSchema), token);
    expect(signals).toMatchObject([{ name: "power", machineCount: count + 2, unitsLeftOut }]);
    expect(signals![0]!.units).toEqual(series.slice(0, listed).map(({ unit }) => unit));
  },
);

test.each([
  [10_000, 0],
  [10_001, 1],
])("of a machine's %i signals all but %i are listed", async (count, signalsLeftOut) => {
  const series = Array.from({ length: count }, (_, i) => ({ machine: "m", signal: `s${i}` }));
  const catalog = Object.assign(catalogOf(series), { machine: () => ({ firstSeenUs: 1_000_000 }) });
  const descriptions = { refresh: async () => {}, after: () => [], of: () => undefined };
  const seen = { catalog, whole: catalog, descriptions } as unknown as SeenMachines;
  const { machines } = await listMachines(seen, create(ListMachinesRequestSchema), token);
  expect(machines).toMatchObject([{ name: "m", signalsLeftOut, firstSeenTime: { seconds: 1n } }]);
  expect(machines![0]!.signals).toHaveLength(count - signalsLeftOut);
});

test("a signal lists how its values go on; who has declared nothing has LINEAR", async () => {
  const { UNSPECIFIED, LINEAR, STEP, COUNTER } = SampleType;
  const of = (signal: string, types: SampleType[]) =>
    types.map((sampleType, i) => ({ machine: `m${i}`, signal, sampleType }));
  const all = [
    ...of("energy", [COUNTER, STEP, COUNTER]),
    ...of("heat", [UNSPECIFIED, LINEAR]),
    { machine: "m", signal: "state", kind: SignalKind.STATE, sampleType: UNSPECIFIED },
  ];
  const { signals } = await listSignals(catalogOf(all), create(ListSignalsRequestSchema), token);
  expect(signals!.map(({ sampleTypes }) => sampleTypes)).toEqual([[STEP, COUNTER], [LINEAR], []]);
});
