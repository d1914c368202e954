// Messages of a range stay small however many states lie between its samples, and nothing is out of
// order.
import { expect, test } from "vitest";
import { MachineState } from "#gen/millrace/v1/signal_pb.ts";
import { ReadFormat } from "#gen/millrace/v1/signal_service_pb.ts";
import { openTestAccessor } from "../testing/accessor.ts";
import { at, column, epochUs } from "../testing/batches.ts";

test.each([ReadFormat.COLUMNS, ReadFormat.BLOCKS])(
  "ten samples beside 12,000 state changes, format %i",
  async (format) => {
    await using accessor = await openTestAccessor();
    const spanUs = 12_000_000;
    const samples = [
      {
        ...column(
          "power",
          Array.from(
            { length: 10 },
            (_, i) => [epochUs + i * (spanUs / 10), i] as [number, number],
          ),
        ),
      },
    ];
    const stateChanges = Array.from({ length: 12_000 }, (_, i) => ({
      time: at(epochUs + i * 1_000),
      state: i % 2 === 0 ? MachineState.ACTIVE : MachineState.IDLE,
    }));
    await accessor.ingest.ingestBatch({
      producerId: "p",
      sequence: 1n,
      batch: { machine: "mill-1", samples, stateChanges },
    });
    const messages = await Array.fromAsync(accessor.signals.readSignals({ format }));
    const counts = messages.map(({ batches }) =>
      batches.reduce((sum, batch) => sum + batch.stateChanges.length, 0),
    );
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(12_000);
    expect(Math.max(...counts)).toBeLessThanOrEqual(5_001);
    const times = messages.flatMap(({ batches }) =>
      batches.flatMap((batch) =>
        batch.stateChanges.map(({ time }) => Number(time!.seconds) * 1e6 + time!.nanos / 1e3),
      ),
    );
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    if (format === ReadFormat.COLUMNS) {
      const starts = messages.map(({ batches }) =>
        batches.flatMap((batch) => batch.samples.flatMap(({ values }) => values)),
      );
      expect(starts.flat()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
      expect(starts.filter((values) => values.length > 0).length).toBeGreaterThan(1);
    }
  },
);
