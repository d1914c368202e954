// The records that the good tenant stores: knowing only how many it wrote determines every sample
// that must exist.

import { create } from "@bufbuild/protobuf";
import type { Batch } from "#gen/millrace/v1/signal_pb.ts";
import { BatchSchema } from "#gen/millrace/v1/signal_pb.ts";
import type { Measured } from "./measured.ts";

export const machineNames = ["good-1", "good-2", "good-3", "good-4", "good-5"];

/** Its report at its end. Counts are of samples; seen: its own samples that its feed delivered. */
export type TenantOutcome = {
  written: number;
  firstUs: number;
  lastUs: number;
  posted: number;
  called: number;
  seen: number;
  /** Feeds that skipped or repeated something. */
  breaks: number;
  measured: Measured[];
};

const periodUs = 10_000;

/** The value of a machine's sample at a time. */
export const valueAt = (timeUs: number, machine: number): number =>
  ((timeUs / periodUs) % 1_000) + machine;

/** A quarter of a second of every machine. */
export function batchesOf(fromUs: number): Batch[] {
  return machineNames.map((machine, number) => {
    const values = Array.from({ length: 25 }, (_, i) => valueAt(fromUs + i * periodUs, number));
    const grid = { startUs: BigInt(fromUs), periodUs: BigInt(periodUs) };
    const samples = [
      { signal: "power", unit: "W", times: { case: "grid" as const, value: grid }, values },
    ];
    return create(BatchSchema, { machine, samples });
  });
}

/** Guessable, like a careless client's keys. */
export const idempotencyKeyOf = (number: number): string => `order-${number}`;

type Stored = { machine: string; timesUs: ArrayLike<number>; values: ArrayLike<number> };

/**
 * Violations among the stored samples, in words; empty if every sample exists once with its value.
 */
export function judgeStored(
  stored: readonly Stored[],
  { firstUs, lastUs }: TenantOutcome,
): string[] {
  const expected = (lastUs - firstUs) / periodUs;
  return machineNames.flatMap((machine, number) => {
    const own = stored.find((one) => one.machine === machine);
    if (own === undefined) return [`${machine}: nothing is stored`];
    const wrong: string[] = [];
    if (own.values.length !== expected)
      wrong.push(`${machine}: ${own.values.length} samples of ${expected}`);
    for (let i = 0; i < own.values.length && wrong.length < 3; i++) {
      const timeUs = firstUs + i * periodUs;
      if (own.timesUs[i] !== timeUs || own.values[i] !== valueAt(timeUs, number))
        wrong.push(
          `${machine}: sample ${i} is ${own.values[i]} at ${own.timesUs[i]}, not ${valueAt(timeUs, number)}`,
        );
    }
    return wrong;
  });
}
