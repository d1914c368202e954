// Broken variants of the system, and what must notice each: texts that are replaced, exactly once
// each.

import { calendarMutants } from "./mutants-of-calendars.ts";
import { compactionMutants } from "./mutants-of-compaction.ts";
import { declarationMutants } from "./mutants-of-declarations.ts";
import { historyMutants } from "./mutants-of-history.ts";
import { keptBytesMutants } from "./mutants-of-kept-bytes.ts";
import { messageMutants } from "./mutants-of-messages.ts";
import { promotionMutants } from "./mutants-of-promotions.ts";
import { sampleMutants } from "./mutants-of-samples.ts";
import { shareMutants } from "./mutants-of-shares.ts";
import { textMutants } from "./mutants-of-texts.ts";
import { turnMutants } from "./mutants-of-turns.ts";

/**
 * chaos: arguments of main.ts; or a test file. says: a line of the output that shows that it is
 * noticed for the right reason.
 */
export type Catch = { chaos?: readonly string[]; test?: string; says: RegExp };
export type Mutant = {
  name: string;
  edits: readonly { file: string; find: string; replace: string }[];
  catch: Catch;
};

const ingestSql = "accessor/store/functions/ingest.sql";
const quiet = ["--faults", "herd", "--fault-ms", "1500", "--armed", ""];
// A round says its violations in lines of their own: the sum at the end always has the words.
const rounds = (seed: number, ...more: string[]) => [
  "--rounds",
  "4",
  "--seed",
  String(seed),
  ...more,
];

export const mutants: readonly Mutant[] = [
  {
    name: "ack before commit",
    edits: [
      {
        file: "accessor/ingest/group-commit.ts",
        find: '      failpoint("ingest.before-commit");',
        replace: `      for (const { resolve, prepared } of group)
        resolve({ outcome: "stored", revision: 0, committedUs: 0, result: prepared.result, expected: 0 });
      await new Promise((resolve) => setTimeout(resolve, 30));
      failpoint("ingest.before-commit");`,
      },
    ],
    catch: {
      chaos: rounds(1, "--faults", "accessor kill", "--armed", "ingest.before-commit=exit@6"),
      says: /welcomed with \d+, and \d+ was acknowledged|was acknowledged and is not stored|[1-9]\d* lost/,
    },
  },
  {
    name: "an unknown outcome is an ack",
    edits: [
      {
        file: "accessor/ingest/group-commit.ts",
        find: "for (const { reject } of group) reject(error);",
        replace: `for (const { resolve, prepared } of group)
          resolve({ outcome: "stored", revision: 0, committedUs: 0, result: prepared.result, expected: 0 });`,
      },
    ],
    catch: {
      chaos: rounds(1, "--faults", "back reset,backend kill,postgres kill", "--armed", ""),
      says: /welcomed with \d+, and \d+ was acknowledged|was acknowledged and is not stored|a gap where there is none|names cursor \d+, and it is at/,
    },
  },
  {
    name: "no deduplication",
    edits: [
      {
        file: ingestSql,
        find: "    elsif b_sequence[i] > v_last then\n      if b_sequence[i] <> v_last + 1 and",
        replace: "    elsif true then\n      if b_sequence[i] > v_last + 1 and",
      },
      {
        file: ingestSql,
        find: "greatest(b_sequence[i], b_acked[i]) else b_sequence[i] end;",
        replace: "greatest(b_sequence[i], b_acked[i]) else greatest(v_last, b_sequence[i]) end;",
      },
    ],
    catch: {
      chaos: rounds(1, "--faults", "front reset"),
      says: /stored a second time|has two receipts/,
    },
  },
  {
    name: "too small a window of digests",
    edits: [
      {
        file: ingestSql,
        find: "where r.producer_id = v_producer and r.sequence = b_sequence[i];",
        replace:
          "where r.producer_id = v_producer and r.sequence = b_sequence[i] and r.sequence > v_last - 3;",
      },
    ],
    catch: {
      chaos: rounds(1, "--faults", "front reset"),
      says: /answered \[\] as a duplicate|no error for a batch that was altered/,
    },
  },
  {
    name: "verdicts lost on a repeated batch",
    edits: [
      {
        file: ingestSql,
        find: "        result := v_receipt.result;",
        replace: "        result := null;",
      },
    ],
    catch: { chaos: rounds(1, "--faults", "front reset"), says: /answered \[\] as a duplicate/ },
  },
  {
    name: "an altered batch is taken for a repeated one",
    edits: [
      {
        file: ingestSql,
        find: "if found and v_receipt.digest = b_digest[i] then",
        replace: "if found then",
      },
    ],
    catch: {
      chaos: rounds(1, "--faults", "front reset"),
      says: /no error for a batch that was altered|an ack for \d+, which is not outstanding|as a duplicate, not/,
    },
  },
  {
    name: "revisions from a sequence, without the lock",
    edits: [
      {
        file: ingestSql,
        find: "create or replace function ingest(",
        replace: "create sequence if not exists revisions;\ncreate or replace function ingest(",
      },
      {
        file: ingestSql,
        find: "  perform lock_revisions();\n  select s.segment, s.first_revision - 1 into strict",
        replace: "  select s.segment, s.first_revision - 1 into strict",
      },
      {
        file: ingestSql,
        find: "      v_revision := v_revision + 1;\n      v_ids[i] := v_producer;",
        replace:
          "      v_revision := nextval('revisions');\n      perform pg_sleep(0.02);\n      v_ids[i] := v_producer;",
      },
      {
        file: ingestSql,
        find: "      v_revision := v_revision + 1;\n      revision := v_revision;",
        replace:
          "      v_revision := nextval('revisions');\n      perform pg_sleep(0.02);\n      revision := v_revision;",
      },
    ],
    catch: {
      // A transaction that is rolled back leaves a hole.
      chaos: rounds(1, "--faults", "backend kill,postgres kill", "--accessors", "2", "--armed", ""),
      says: /stands where|never came|hang:/,
    },
  },
  {
    name: "synchronous_commit off",
    edits: [
      {
        file: "accessor/store/database.ts",
        find: 'synchronous_commit: "on"',
        replace: 'synchronous_commit: "off"',
      },
      {
        file: "accessor/store/functions/locks.sql",
        find: "array['fsync', 'full_page_writes', 'synchronous_commit']",
        replace: "array['fsync', 'full_page_writes']",
      },
    ],
    catch: {
      chaos: rounds(1, "--faults", "postgres kill,postgres immediate shutdown", "--armed", ""),
      says: /welcomed with \d+, and \d+ was acknowledged|was acknowledged and is not stored|[1-9]\d* lost/,
    },
  },
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
        find: "    this.#advance();\n  }\n\n  /** Somebody saw",
        replace: `    for (const early of [...this.#early.values()]) {
      this.#append(early);
      this.#wake([early]);
    }
    this.#advance();
  }

  /** Somebody saw`,
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
  {
    name: "the watermark in another transaction",
    edits: [
      {
        file: "accessor/store/functions/step.sql",
        find: "  insert into watermark (revision) values (p_to);",
        replace: "",
      },
      {
        // A step that is done twice would end the same blocks twice, which PostgreSQL refuses: then
        // nothing is doubled, and compaction stands still.
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
  {
    name: "the spool takes a batch before it is written",
    edits: [
      {
        file: "client/send/spool/lane.ts",
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
        file: "client/send/spool/lane.ts",
        find: "    await writer.sync();",
        replace: "    void writer.sync();",
      },
    ],
    catch: {
      test: "client/send/spool/sync-order.test.ts",
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
    catch: { test: "accessor/ingest/budget.test.ts", says: /FAIL/ },
  },
  ...compactionMutants,
  ...historyMutants,
  ...messageMutants,
  ...promotionMutants,
  ...sampleMutants,
  ...calendarMutants,
  ...declarationMutants,
  ...shareMutants,
  ...textMutants,
  ...turnMutants,
  ...keptBytesMutants,
];
