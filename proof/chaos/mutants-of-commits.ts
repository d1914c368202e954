// Broken variants of the code that stores a batch once and in order, each of which chaos must
// notice.
import { type Mutant, rounds } from "./mutant.ts";

const ingestSql = "accessor/store/functions/ingest.sql";

export const commitMutants: readonly Mutant[] = [
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
      // A transaction that is rolled back leaves a gap.
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
];
