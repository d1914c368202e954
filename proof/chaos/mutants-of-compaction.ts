// Broken variants of the bounds on old times, partitions and steps of compaction. A test notices
// each: a round of chaos sends no such data.
import type { Mutant } from "./mutant.ts";

export const compactionMutants: readonly Mutant[] = [
  {
    name: "a thread that died is told nothing of it",
    edits: [
      { file: "accessor/compact/beside.ts", find: "before = message.progress;", replace: "" },
    ],
    catch: { test: "accessor/compact/beside.test.ts", says: /FAIL.*is started again, knowing/ },
  },
  {
    name: "a commit that ends the thread is tried for ever",
    edits: [
      {
        file: "accessor/compact/compactor.ts",
        find: "let diedOf = options.before?.inHand;",
        replace: "let diedOf = undefined as Taken | undefined;",
      },
    ],
    catch: { test: "accessor/compact/held.test.ts", says: /FAIL.*ends the thread at each try/ },
  },
  {
    name: "a message for each record with a fault",
    edits: [
      {
        file: "accessor/ingest/verdicts.ts",
        find: "    const { reason } = fault;",
        replace: "    const { reason, message } = fault;\n    if (message === null) return;",
      },
    ],
    catch: {
      test: "accessor/ingest/verdict-runs.test.ts",
      says: /FAIL.*put together when it is told/,
    },
  },
  {
    name: "any age is taken",
    edits: [
      {
        file: "accessor/domain/retention.ts",
        find: "  return takenUs > keptUs\n",
        replace: "  return takenUs > keptUs && maxAgeMs < 0\n",
      },
    ],
    catch: { test: "accessor/ingest/max-age.test.ts", says: /FAIL.*what is older is refused/ },
  },
  {
    name: "a partition for each old week",
    edits: [
      {
        file: "accessor/store/block-spans.ts",
        find: "  if (fromUs >= wideBeforeUs(nowUs)) return",
        replace: "  if (nowUs > 0) return",
      },
    ],
    catch: {
      test: "accessor/store/block-spans.test.ts",
      says: /FAIL.*a partition for each 52 weeks/,
    },
  },
  {
    name: "statements on blocks lock every partition",
    edits: [
      {
        file: "accessor/store/block-parts.ts",
        find: "  if (spans.length <= fewPartitions) return",
        replace: "  if (spans.length > 0) return",
      },
    ],
    catch: {
      test: "accessor/compact/many-partitions.test.ts",
      says: /FAIL.*open no partition but their own/,
    },
  },
  {
    name: "a step takes what changes any number of hours",
    edits: [
      {
        file: "accessor/compact/step.ts",
        find: "      !oneCommit &&\n      (touchedStates.hours",
        replace: "      !oneCommit && maxTouchedHours < 0 &&\n      (touchedStates.hours",
      },
    ],
    catch: { test: "accessor/compact/fan-out.test.ts", says: /FAIL.*too many hours/ },
  },
  {
    name: "a commit that fails is tried for ever",
    edits: [
      {
        file: "accessor/compact/attempts.ts",
        find: "this.#failures >= maxFailures &&",
        replace: "this.#failures < 0 * maxFailures &&",
      },
    ],
    catch: { test: "accessor/compact/held.test.ts", says: /FAIL.*one commit is held/ },
  },
  {
    name: "what is held is found by nobody",
    edits: [
      {
        file: "accessor/store/held.ts",
        find: "  if (!holds) return",
        replace: "  if (holds || !holds) return",
      },
    ],
    catch: {
      test: "accessor/compact/held.test.ts",
      says: /FAIL.*every answer is what the raw records say/,
    },
  },
  {
    name: "a sweep holds whatever overlaps",
    edits: [
      {
        file: "accessor/read/open-pieces.ts",
        find: "while (this.#held > maxHeld) {",
        replace: "while (this.#held < 0) {",
      },
    ],
    catch: {
      test: "accessor/read/open-pieces.test.ts",
      says: /FAIL.*what is held stays below the bound/,
    },
  },
  {
    name: "what was let go loses a sample",
    edits: [
      {
        file: "accessor/read/open-pieces.ts",
        find: "{ offset: place, order }",
        replace: "{ offset: place + 1, order }",
      },
    ],
    catch: { test: "accessor/read/open-pieces.test.ts", says: /FAIL.*every sample once/ },
  },
  {
    name: "headers of any number of series are read in one turn",
    edits: [
      {
        file: "accessor/store/block-headers.ts",
        find: "Math.ceil(maxHeadersAtOnce / each)",
        replace: "Math.max(wanting.length, maxHeadersAtOnce)",
      },
    ],
    catch: {
      test: "accessor/store/block-headers.test.ts",
      says: /FAIL.*no statement asks for more than 4,096/,
    },
  },
  {
    name: "a large minute is written again as a whole",
    edits: [
      {
        file: "accessor/compact/rewrite.ts",
        find: "if (samples > maxAtOnce)\n",
        replace: "if (samples < 0)\n",
      },
    ],
    catch: { test: "accessor/compact/large-bucket.test.ts", says: /FAIL.*no portion is larger/ },
  },
  {
    name: "a commit that costs much goes alone",
    edits: [
      {
        file: "accessor/compact/step.ts",
        find: "one.rewritten <= 1.25 * rewritten",
        replace: "one.maxRows === maxRows",
      },
    ],
    catch: {
      test: "accessor/compact/large-bucket.test.ts",
      says: /FAIL.*commits that each write the same minute/,
    },
  },
  {
    name: "the end of a piece holds all of it",
    edits: [
      {
        file: "accessor/read/open-pieces.ts",
        find: "this.#open.push(tight(kept));",
        replace: "this.#open.push(kept);",
      },
    ],
    catch: {
      test: "accessor/read/open-pieces.test.ts",
      says: /FAIL.*no more than twice that is held/,
    },
  },
  {
    name: "the newest samples are asked for as if nothing were held since",
    edits: [
      {
        file: "accessor/store/latest-rows.ts",
        find: "if (asOf <= layout.watermark || !(await layoutAt(database, asOf, { abort })).holds) return rows;",
        replace: "return rows;",
      },
    ],
    catch: {
      test: "accessor/compact/held.test.ts",
      says: /FAIL.*right although a moment before nothing was held/,
    },
  },
  {
    name: "every question reads how block is cut",
    edits: [
      { file: "accessor/store/layout.ts", find: "before.watermark >= watermark", replace: "false" },
    ],
    catch: { test: "accessor/store/layout.test.ts", says: /FAIL.*share one reading/ },
  },
  {
    name: "any number of headers of a range is read",
    edits: [
      {
        file: "accessor/store/history.ts",
        find: "limit $7::int8) found`",
        replace: "limit $7::int8 + 1000000) found`",
      },
    ],
    catch: {
      test: "accessor/compact/headers-bound.test.ts",
      says: /FAIL.*end with the first above the bound/,
    },
  },
  {
    name: "blocks are joined with their ends",
    edits: [
      {
        file: "accessor/store/history.ts",
        find: "} offset 0)`;",
        replace: "})`;",
      },
    ],
    catch: {
      test: "accessor/compact/looked-up-by-index.test.ts",
      says: /FAIL.*with 200 ends is looked up by index/,
    },
  },
  {
    name: "blocks are joined with ranges",
    edits: [
      {
        file: "accessor/store/history.ts",
        find: '("$4::int8")} offset 0) block',
        replace: '("$4::int8")}) block',
      },
    ],
    catch: {
      test: "accessor/compact/looked-up-by-index.test.ts",
      says: /FAIL.*with 200 ends is looked up by index/,
    },
  },
  {
    name: "what waits for compaction is no sign of life",
    edits: [
      {
        file: "accessor/read/silences.ts",
        find: "silencesOf(cutGaps(gaps, pending[i]!, toleranceUs)",
        replace: "silencesOf(cutGaps(gaps, pending[i]!.slice(0, 0), toleranceUs)",
      },
    ],
    catch: { test: "accessor/read/silences.test.ts", says: /FAIL.*any signal are signs of life/ },
  },
  {
    name: "a version that names no silence",
    edits: [
      {
        file: "accessor/rpc/version-silences.ts",
        find: "  if (basis === undefined) return",
        replace: "  if (basis === undefined || touched.newest > 0) return",
      },
    ],
    catch: { test: "accessor/rpc/silence.test.ts", says: /FAIL.*a version changes with silence/ },
  },
];
