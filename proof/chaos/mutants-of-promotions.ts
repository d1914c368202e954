// Broken variants of how feeds, accessors and producers handle a promotion that loses commits: only
// a round with such a promotion notices.
import type { Mutant } from "./mutant.ts";

const lossy = ["--rounds", "4", "--seed", "1", "--faults", "promotion lossy", "--armed", ""];

export const promotionMutants: readonly Mutant[] = [
  {
    name: "a feed goes on over a fork in silence",
    edits: [
      {
        file: "accessor/feed/fork.ts",
        find: "  if (tail.head.revision >= revision) {",
        replace: "  if (tail.head.revision < 0) {",
      },
    ],
    catch: {
      chaos: lossy,
      says: /never came|something stands before|a message starts after|which was given up, and was told nothing/,
    },
  },
  {
    // As in a former version: a checkpoint soon after a promotion is not guaranteed.
    name: "a promotion is noticed by the next checkpoint",
    edits: [
      {
        file: "accessor/store/functions/epochs.sql",
        find: "  return ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::integer;",
        replace: "  return (select timeline_id from pg_control_checkpoint());",
      },
    ],
    catch: {
      chaos: lossy,
      says: /0 epochs began|CURSOR_IN_FUTURE|which was given up, and was told nothing/,
    },
  },
  {
    name: "a producer is not told what was lost",
    edits: [
      {
        file: "accessor/store/functions/producers.sql",
        find: "    lost_first := last_sequence + 1;\n    lost_last := p_acked;\n",
        replace: "",
      },
    ],
    catch: { chaos: lossy, says: /its producer went on through \d+ and was told nothing/ },
  },
];
