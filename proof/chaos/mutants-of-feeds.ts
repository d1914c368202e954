// Broken variants of how commits reach subscribers, each of which chaos must notice.
import { type Mutant, quiet, rounds } from "./mutant.ts";

export const feedMutants: readonly Mutant[] = [
  {
    name: "NOTIFY only",
    edits: [
      {
        file: "accessor/feed/poll.ts",
        find: "setTimeout(resolve, pollMs)",
        replace: "setTimeout(resolve, 2 ** 30)",
      },
    ],
    catch: { test: "accessor/feed/watch.test.ts", says: /FAIL/ },
  },
  {
    name: "own commits published before an earlier foreign one",
    edits: [
      {
        file: "accessor/feed/tail.ts",
        find: "    this.#advance();\n  }\n\n  /** This revision is known",
        replace: `    for (const early of [...this.#early.values()]) {
      this.#append(early);
      this.#wake([early]);
    }
    this.#advance();
  }

  /** This revision is known`,
      },
    ],
    catch: { chaos: rounds(1, ...quiet, "--accessors", "2"), says: /never came|first difference/ },
  },
  {
    name: "memory claims what it passed over",
    edits: [
      {
        file: "accessor/feed/tail.ts",
        find: "this.#floor = this.#watchedSince = through;",
        replace: "this.#watchedSince = through;",
      },
    ],
    catch: { test: "accessor/feed/tail.test.ts", says: /FAIL/ },
  },
  {
    name: "catch-up says that it got further than it did",
    edits: [
      {
        file: "accessor/feed/follow.ts",
        find: "  return { through, committedUs, batches, bytes };",
        replace: "  return { through: range.through, committedUs, batches, bytes };",
      },
    ],
    catch: { test: "accessor/feed/follow.test.ts", says: /FAIL/ },
  },
  {
    name: "the watch skips a break",
    edits: [
      {
        file: "client/watch.ts",
        find: "          throw new FeedBreakError({ expected: cursor, got: message.after });",
        replace: "          void FeedBreakError;",
      },
    ],
    catch: { test: "client/watch.test.ts", says: /FAIL.*each break is told/ },
  },
];
