// For tests of live feeds: a log that breaks off at a given place, and records what was read from
// it.
import type { ConnectError } from "@connectrpc/connect";
import { nowUs } from "./answers.ts";

export const sample = (value: number) => ({
  batches: [
    {
      machine: "m",
      samples: [
        {
          signal: "power",
          times: { case: "grid" as const, value: { startUs: nowUs, periodUs: 1n } },
          values: [value],
        },
      ],
    },
  ],
});

export const valuesIn = (text: string) =>
  Array.from(text.matchAll(/"value":(\d+)/g), ([, value]) => Number(value));

/** A log of one record a revision; watching it breaks off where `breaks` says so, once each. */
export function brittleLog(breaks: { at: number; with: () => ConnectError }[], last: number) {
  const asked: (string | undefined)[] = [];
  return {
    asked,
    async *watchSignals({ start }: { start: { case?: string | undefined; value?: unknown } }) {
      const after = start.case === "afterCursor" ? String(start.value) : undefined;
      asked.push(after);
      const from = Number(after?.slice(1) ?? 0);
      if (breaks[0]?.at === -1) throw breaks.shift()!.with();
      yield { after: `c${from}`, through: `c${from}` };
      for (let i = from + 1; i <= last; i++) {
        if (breaks[0]?.at === i) throw breaks.shift()!.with();
        yield { after: `c${i - 1}`, through: `c${i}`, ...sample(i) };
      }
    },
  };
}
