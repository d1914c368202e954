// Broken variants of how a producer and the accessor keep records until they are stored, each of
// which must be noticed.
import { type Mutant, rounds } from "./mutant.ts";

export const spoolMutants: readonly Mutant[] = [
  {
    name: "the spool takes a batch before it is written",
    edits: [
      {
        file: "client/spool/lane.ts",
        find: '    failpoint("spool.before-write");',
        replace: `    for (const { pending, entry } of group) pending.resolve(entry.sequence);
    await new Promise((resolve) => setTimeout(resolve, 20));
    failpoint("spool.before-write");`,
      },
    ],
    catch: {
      chaos: rounds(
        1,
        "--spool",
        "--spool-armed",
        "spool.before-write=exit@6",
        "--faults",
        "spool kill",
      ),
      says: /the spool took and lost/,
    },
  },
  {
    name: "the spool says taken before the disk does",
    edits: [
      {
        file: "client/spool/lane.ts",
        find: "    await writer.sync();",
        replace: "    void writer.sync();",
      },
    ],
    catch: {
      test: "client/spool/sync-order.test.ts",
      says: /FAIL.*before the disk has synced/,
    },
  },
  {
    name: "nothing bounds what is in flight",
    edits: [
      {
        file: "access/fair-queue.ts",
        find: "return this.#used + amount <= this.#max && this.#mayHold(caller, amount);",
        replace: "return this.#used + amount >= 0 * this.#max && this.#mayHold(caller, amount);",
      },
      {
        file: "access/fair-queue.ts",
        find: "return held === 0 || held + amount <= this.#maxPerCaller;",
        replace: "return held + amount >= 0 * this.#maxPerCaller;",
      },
    ],
    catch: { test: "accessor/ingest/in-flight.test.ts", says: /FAIL/ },
  },
];
