// Broken variants of what a step of compaction changes in one transaction, each of which chaos must
// notice.
import { type Mutant, quiet, rounds } from "./mutant.ts";

export const stepMutants: readonly Mutant[] = [
  {
    name: "the watermark in another transaction",
    edits: [
      {
        file: "accessor/store/functions/step.sql",
        find: "  insert into watermark (revision) values (p_to);",
        replace: "",
      },
      {
        // A step that runs twice would end the same blocks twice, which PostgreSQL refuses: then
        // nothing is duplicated, and compaction stands still.
        file: "accessor/store/functions/step.sql",
        find: "from unnest(e_block, e_series, e_bucket) as e(block, series, bucket);",
        replace:
          "from unnest(e_block, e_series, e_bucket) as e(block, series, bucket) on conflict do nothing;",
      },
      {
        file: "accessor/compact/step.ts",
        find: '  failpoint("compact.after-commit");',
        replace: `  failpoint("compact.after-commit");
  await database.compact("insert into watermark (revision) values ($1::int8)", [through], {});`,
      },
    ],
    catch: {
      chaos: rounds(
        1,
        "--faults",
        "herd",
        "--armed",
        "compact.after-commit=exit@2",
        "--accessors",
        "1",
      ),
      says: /is not what the log holds|is not what was committed/,
    },
  },
  {
    name: "a rewritten block stays current",
    edits: [
      {
        file: "accessor/store/functions/step.sql",
        find: "from unnest(e_block, e_series, e_bucket) as e(block, series, bucket);",
        replace: "from unnest(e_block, e_series, e_bucket) as e(block, series, bucket) limit 0;",
      },
    ],
    catch: {
      chaos: rounds(1, ...quiet),
      says: /is not what the log holds|is not what was committed/,
    },
  },
];
