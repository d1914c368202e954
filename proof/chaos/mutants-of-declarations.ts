// Broken variants of signals' declarations and their effects: inference, units, corrections,
// warnings; and of the ends of the windows of answers.
import type { Mutant } from "./mutant.ts";

const inferGap = "accessor/history/infer-gap.ts";
const warnings = "accessor/ingest/warnings.test.ts";

export const declarationMutants: readonly Mutant[] = [
  {
    name: "an inferred max_gap is the median distance",
    edits: [{ file: inferGap, find: "gapUs >= medians * median", replace: "gapUs >= median" }],
    catch: {
      test: "accessor/history/infer-gap.test.ts",
      says: /FAIL.*gets a gap that it never reaches/,
    },
  },
  {
    name: "samples at one time teach a distance",
    edits: [
      {
        file: inferGap,
        find: "timeUs <= lastUs) continue;",
        replace: "timeUs < lastUs) continue;",
      },
    ],
    catch: { test: "accessor/history/infer-gap.test.ts", says: /FAIL.*equal times teach nothing/ },
  },
  {
    name: "an inferred max_gap stays when the type is corrected",
    edits: [
      {
        file: "accessor/rpc/redeclare.ts",
        find: "maxGapUs ?? inferredUs ?? series.maxGapUs }",
        replace: "maxGapUs ?? series.maxGapUs }",
      },
    ],
    catch: {
      test: "accessor/rpc/redeclare.test.ts",
      says: /FAIL.*are corrected by an administrator/,
    },
  },
  {
    name: "mW is MW",
    edits: [
      {
        file: "codec/power-unit.ts",
        find: 'prefixes[prefix === "K" ? "k" : prefix]',
        replace: "(prefixes[prefix.toUpperCase()] ?? prefixes[prefix.toLowerCase()])",
      },
    ],
    catch: {
      test: "accessor/store/power-unit.test.ts",
      says: /FAIL.*units of power are W with a prefix/,
    },
  },
  {
    name: "samples exactly max_gap apart are warned of",
    edits: [
      {
        file: "accessor/ingest/warnings.ts",
        find: "if (distanceUs <= maxGapUs) return undefined;",
        replace: "if (distanceUs < maxGapUs) return undefined;",
      },
    ],
    catch: { test: warnings, says: /FAIL.*none of its neighbours is covered/ },
  },
  {
    name: "a batch that comes again is warned of once more",
    edits: [
      {
        file: "accessor/ingest/sequences.ts",
        find: 'if (outcome === "stored" || outcome === "decided") {',
        replace: "{",
      },
    ],
    catch: { test: warnings, says: /FAIL.*not of one that comes again/ },
  },
  {
    name: "a later page keeps its version when a unit is corrected",
    edits: [
      {
        file: "accessor/rpc/version.ts",
        find: 'nameOf([history.now, labels, "page", fixed, listed])',
        replace: 'nameOf([history.now, labels, "page", fixed])',
      },
    ],
    catch: { test: "accessor/read/units-of-rows.test.ts", says: /FAIL.*in their versions too/ },
  },
  {
    name: "an answer by labels keeps its version when they change and change back",
    edits: [
      {
        file: "accessor/rpc/version.ts",
        find: 'const labels = history.descriptions ?? "";',
        replace: 'const labels = "";',
      },
    ],
    catch: {
      test: "accessor/rpc/label-filter.test.ts",
      says: /FAIL.*a version by labels never comes again/,
    },
  },
  {
    name: "pages go on when the labels have changed",
    edits: [
      {
        file: "accessor/rpc/page-token.ts",
        find: "if (madeWith !== descriptions)",
        replace: "if (Number.isNaN(madeWith))",
      },
    ],
    catch: { test: "accessor/rpc/label-filter.test.ts", says: /FAIL.*pages go together/ },
  },
  {
    name: "an answer's window goes on into time that has not come",
    edits: [
      {
        file: "accessor/rpc/window.ts",
        find: "Math.min(toUs, committedUs ?? fromUs)",
        replace: "committedUs === undefined || toUs > 8e15 ? (committedUs ?? fromUs) : toUs",
      },
    ],
    catch: {
      test: "accessor/rpc/answer-windows.test.ts",
      says: /FAIL.*not into time that has not come/,
    },
  },
];
