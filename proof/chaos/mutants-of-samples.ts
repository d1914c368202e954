// Broken variants of interpolation between two samples, by the type that a signal declares, and of
// how it is summed.
import type { Mutant } from "./mutant.ts";

const lineArea = "accessor/history/line-area.ts";
const byHand = {
  test: "accessor/history/buckets.test.ts",
  says: /FAIL.*holds a step to the next sample/,
};
const exact = "accessor/history/exact-integrals.test.ts";
const later = {
  test: "accessor/ingest/sample-types.test.ts",
  says: /FAIL.*a type that is declared later/,
};

export const sampleMutants: readonly Mutant[] = [
  {
    name: "a step holds for ever",
    edits: [
      { file: lineArea, find: "Math.min(spanUs, maxGapUs), toUs)", replace: "spanUs, toUs)" },
    ],
    catch: byHand,
  },
  {
    name: "a counter that was reset goes down",
    edits: [
      {
        file: lineArea,
        find: "{ high: Math.max(after, 0), low: 0 }",
        replace: "differenceOfTwo(after, before)",
      },
    ],
    catch: {
      test: "accessor/history/summary.test.ts",
      says: /FAIL.*equals brute force over any part/,
    },
  },
  {
    name: "errors of areas that cancel are dropped",
    edits: [
      {
        file: "accessor/history/summary.ts",
        find: "low += areaLow + pairLow * spanUs;",
        replace: "",
      },
    ],
    catch: { test: exact, says: /FAIL.*an integral is right to its last bit/ },
  },
  {
    name: "lines at edges are rounded",
    edits: [
      {
        file: "accessor/history/buckets.ts",
        find: "      area.integral,\n      () => lineArea",
        replace: "      { ...area.integral, low: 0 },\n      () => lineArea",
      },
    ],
    catch: { test: exact, says: /FAIL.*a watt between large powers/ },
  },
  {
    name: "sums are recalculated as those of lines",
    edits: [
      {
        file: "accessor/compact/restate.ts",
        find: "summarize(column, between)",
        replace: "summarize(column, { ...between, sampleType: 1 })",
      },
    ],
    catch: later,
  },
  {
    name: "sums stay in use when the type changes",
    edits: [
      {
        file: "accessor/store/functions/series.sql",
        find: "\n    or coalesce(v_type, sample_type_linear())\n      <> coalesce(v_series.sample_type, sample_type_linear()) then",
        replace: " then",
      },
    ],
    catch: later,
  },
  {
    name: "what was rolled up ahead stays although a commit changes it",
    edits: [
      {
        file: "accessor/store/functions/step.sql",
        find: "    where r.valid_from > (select max(revision) from watermark)\n      and r.series_id",
        replace: "    where false and r.series_id",
      },
    ],
    catch: {
      test: "accessor/compact/roll-up-while-idle.test.ts",
      says: /FAIL.*takes away what it changes/,
    },
  },
  {
    name: "what was rolled up ahead outlives a correction",
    edits: [
      {
        file: "accessor/store/functions/series.sql",
        find: "select revision + 1 from log_head()",
        replace: "select revision from log_head()",
      },
    ],
    catch: {
      test: "accessor/compact/roll-up-while-idle.test.ts",
      says: /FAIL.*nothing of before it is left/,
    },
  },
];
