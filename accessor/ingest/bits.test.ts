// Every finite double comes back bit for bit, at its very microsecond, through the database and
// every way of reading.
import fc from "fast-check";
import { expect, test } from "vitest";
import { toColumn } from "../../codec/wire/samples.ts";
import { openTestAccessor } from "../testing/accessor.ts";
import { column, epochUs, Producer } from "../testing/batches.ts";

test("values and times survive pages, ranges and feeds", { timeout: 60_000 }, async () => {
  await using accessor = await openTestAccessor();
  const edges = [
    0,
    -0,
    5e-324,
    -5e-324,
    2.225073858507201e-308,
    Number.MAX_VALUE,
    -Number.MAX_VALUE,
    0.1,
    1 / 3,
  ];
  await using producer = await Producer.open(accessor.ingest, "p");
  let run = 0;
  const sample = fc.tuple(
    fc.integer({ min: 0, max: 1_000_000_000 }),
    fc.oneof(fc.constantFrom(...edges), fc.double({ noNaN: true, noDefaultInfinity: true })),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(sample, { minLength: 1, maxLength: 60 }), async (drawn) => {
      const machine = `m${++run}`;
      const samples = drawn.map(([offset, value]) => [epochUs + offset, value] as const);
      producer.send(run, { machine, samples: [column("power", samples)] });
      const acks = await producer.acksThrough(run);
      const wanted = samples.toSorted((a, b) => a[0] - b[0]);
      const bits = (pairs: readonly (readonly [number, number])[]) =>
        pairs.map(([time, value]) => [
          time,
          Buffer.from(Float64Array.of(value).buffer).toString("hex"),
        ]);

      const page = await accessor.signals.querySignals({
        signal: "power",
        machines: [machine],
        minCursor: acks.at(-1)!.cursor,
      });
      const paged = page.signals.map(
        ({ time, record }) =>
          [Number(time!.seconds) * 1e6 + time!.nanos / 1000, record.value as number] as const,
      );
      expect(bits(paged)).toEqual(bits(wanted));
      const streamed: [number, number][] = [];
      for await (const { batches } of accessor.signals.readSignals({ machines: [machine] }))
        for (const { samples: columns } of batches)
          for (const { timesUs, values } of columns.map(toColumn))
            for (const [i, time] of timesUs.entries()) streamed.push([time, values[i]!]);
      expect(bits(streamed)).toEqual(bits(wanted));
    }),
    { numRuns: 60 },
  );
});
