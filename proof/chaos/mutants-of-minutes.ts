// Broken variants of the bounds on the minutes that a caller may fill, each of which a test must
// notice.
import type { Mutant } from "./mutant.ts";

export const minuteMutants: readonly Mutant[] = [
  {
    name: "batches spread over any number of minutes",
    edits: [
      {
        file: "accessor/ingest/spread.ts",
        find: "if (granted) return;",
        replace: "if (granted || true) return;",
      },
    ],
    catch: { test: "accessor/ingest/spread.test.ts", says: /FAIL.*waits until it is paid/ },
  },
  {
    name: "a single batch waits for minutes however long that takes",
    edits: [
      { file: "accessor/rpc/ingest.ts", find: "        maxWaitMs: maxBatchWaitMs,\n", replace: "" },
    ],
    catch: {
      test: "accessor/ingest/spread.test.ts",
      says: /FAIL.*single batches are refused by name/,
    },
  },
  {
    name: "full minutes cost no more than others",
    edits: [
      {
        file: "accessor/ingest/minutes.ts",
        find: "firstUs < filled.lastUs)",
        replace: "firstUs < 0)",
      },
    ],
    catch: {
      test: "accessor/ingest/minutes.test.ts",
      says: /FAIL.*into the middle of a full minute/,
    },
  },
  {
    name: "every minute that was filled is remembered",
    edits: [
      {
        file: "accessor/ingest/minutes.ts",
        find: "this.#filled.size >= this.#maxKept",
        replace: "this.#filled.size < 0",
      },
    ],
    catch: { test: "accessor/ingest/minutes.test.ts", says: /FAIL.*a bounded number of minutes/ },
  },
];
