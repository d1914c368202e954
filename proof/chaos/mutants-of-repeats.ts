// Broken variants of how records that come again are stored once.
import type { Mutant } from "./mutant.ts";

const once = "accessor/compact/drops-duplicates.test.ts";
const says = /FAIL.*have each record once/;

export const repeatMutants: readonly Mutant[] = [
  {
    name: "what was committed since a batch was prepared is not compared",
    edits: [
      {
        file: "accessor/ingest/repeats.ts",
        find: "if (dropping === undefined || dropping.seen === revision) return prepared;",
        replace: "if (dropping === undefined || dropping.seen >= 0) return prepared;",
      },
    ],
    catch: { test: once, says },
  },
  {
    name: "a series ends earlier than it does",
    edits: [
      {
        file: "accessor/ingest/repeats.ts",
        find: "{ fromUs: endUs + 1, revision }",
        replace: "{ fromUs: endUs - 1e9, revision }",
      },
    ],
    catch: { test: once, says },
  },
  {
    name: "commits of another accessor are not looked for",
    edits: [
      {
        file: "accessor/store/functions/repeats.sql",
        find: "raise exception using errcode = 'MR003'",
        replace: "raise notice using errcode = 'MR003'",
      },
    ],
    catch: { test: once, says },
  },
  {
    name: "two batches of a group have one record",
    edits: [
      {
        file: "accessor/ingest/row-records.ts",
        find: "overlap(row, taken) && sharesRecord(row, taken)",
        replace: "overlap(row, taken) && sharesRecord(row, taken) && false",
      },
    ],
    catch: { test: once, says },
  },
  {
    name: "0 and -0 are one value",
    edits: [
      {
        file: "accessor/ingest/equal-samples.ts",
        find: "if (Object.is(values[i], value)) return true;",
        replace: "if (values[i] === value) return true;",
      },
    ],
    catch: {
      test: "accessor/ingest/duplicates.test.ts",
      says: /FAIL.*different values at one time/,
    },
  },
];
