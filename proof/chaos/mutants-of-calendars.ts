// Broken variants of sums by calendar: the boundaries of units, silence, and the intervals of peak
// demand. An oracle that reads the raw records must notice each.
import type { Mutant } from "./mutant.ts";

const oracle = "test/state-calendar-oracle.test.ts";
const peakDemand = "accessor/read/peak-demand.ts";

export const calendarMutants: readonly Mutant[] = [
  {
    name: "clocks stay as they were where the window begins",
    edits: [
      {
        file: "accessor/history/calendar-edges.ts",
        find: "clock.firstInstantOf(localMs) * 1000;",
        replace: "fromUs + (localMs - afterMs) * 1000;",
      },
    ],
    catch: { test: oracle, says: /AssertionError.*the (end of|start after)/ },
  },
  {
    name: "a silence that begins in a bucket is put into the one before",
    edits: [
      {
        file: "accessor/read/silences.ts",
        find: "slots[slot] = slots[slot]!.map((us, of)",
        replace: "const at = Math.max(0, slot - 1);\n        slots[at] = slots[at]!.map((us, of)",
      },
    ],
    catch: { test: oracle, says: /AssertionError.*state, time, silent time/ },
  },
  {
    name: "intervals of peak demand begin with the window",
    edits: [
      {
        file: peakDemand,
        find: "const firstUs = Math.ceil(fromUs / intervalUs) * intervalUs;",
        replace: "const firstUs = fromUs;",
      },
    ],
    catch: { test: oracle, says: /(peak demand|at its time|its time|its coverage)( is|:)/ },
  },
  {
    name: "the interval that is not over takes part in peak demand",
    edits: [
      {
        file: peakDemand,
        find: "Math.floor((toUs - firstUs) / intervalUs)",
        replace: "Math.ceil((toUs - firstUs) / intervalUs)",
      },
    ],
    catch: { test: oracle, says: /(peak demand|at its time|its time|its coverage)( is|:)/ },
  },
  {
    name: "of equal demands the one that is rounded up counts",
    edits: [
      { file: peakDemand, find: "const equalWithin = 1e-12;", replace: "const equalWithin = 0;" },
    ],
    catch: {
      test: "accessor/rpc/compared.test.ts",
      says: /FAIL.*the earliest counts, however sums are rounded/,
    },
  },
];
