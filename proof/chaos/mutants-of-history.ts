// Broken variants of the checks that bind producers to their owners and numbers, and accessors to
// the newest epoch.
import type { Mutant } from "./mutant.ts";

const ingestSql = "accessor/store/functions/ingest.sql";

export const historyMutants: readonly Mutant[] = [
  {
    name: "a batch of another owner's producer is stored",
    edits: [
      { file: ingestSql, find: "if v_owner <> b_principal[i] then", replace: "if false then" },
    ],
    catch: {
      test: "accessor/ingest/owners.test.ts",
      says: /FAIL.*another principal's hello and batch/,
    },
  },
  {
    name: "the next batch of a producer is stored whoever sends it",
    edits: [
      {
        file: ingestSql,
        find: "      and v_owner is not distinct from b_principal[i]\n",
        replace: "",
      },
    ],
    catch: {
      test: "accessor/ingest/owners.test.ts",
      says: /FAIL.*another principal's hello and batch/,
    },
  },
  {
    name: "a hello of another owner's producer is welcome",
    edits: [
      {
        file: "accessor/store/functions/producers.sql",
        find: "is_foreign := coalesce(v_producer.owner <> p_principal, false);",
        replace: "is_foreign := false;",
      },
    ],
    catch: {
      test: "accessor/ingest/owners.test.ts",
      says: /FAIL.*another principal's hello and batch/,
    },
  },
  {
    name: "two owners' Idempotency-Keys are one",
    edits: [
      {
        file: "accessor/ingest/sequences.ts",
        find: "const isScoped = owner !== undefined && isGatewayProducer(producer);",
        replace: "const isScoped = owner === null;",
      },
    ],
    catch: {
      test: "accessor/ingest/owners.test.ts",
      says: /FAIL.*two principals with one Idempotency-Key/,
    },
  },
  {
    name: "a hello names an id of the gateway's",
    edits: [
      {
        file: "accessor/ingest/sequences.ts",
        find: "  if (isGatewayProducer(producer)) {",
        replace: '  if (producer === "") {',
      },
    ],
    catch: { test: "accessor/ingest/owners.test.ts", says: /FAIL.*no hello names them/ },
  },
  {
    name: "an owner registers any number of producers",
    edits: [
      {
        file: "accessor/store/functions/producers.sql",
        find: "and not derived), 0) < p_max",
        replace: "and not derived), 0) < p_max + 1000000",
      },
    ],
    catch: {
      test: "accessor/ingest/owners.test.ts",
      says: /FAIL.*registers no more producers than it may/,
    },
  },
  {
    name: "a hello passes over any number of numbers",
    edits: [
      {
        file: "accessor/ingest/sequences.ts",
        find: "if (lost === undefined || lost.last - lost.first < maxJump) return;",
        replace: "if (lost === undefined || maxJump > 0) return;",
      },
    ],
    catch: { test: "accessor/ingest/floors.test.ts", says: /FAIL.*a claim that no loss explains/ },
  },
  {
    name: "what a claim passed over is a duplicate for ever",
    edits: [
      {
        file: ingestSql,
        find: "v_fills := exists (select from lost_range l",
        replace: "v_fills := false and exists (select from lost_range l",
      },
    ],
    catch: {
      test: "accessor/ingest/floors.test.ts",
      says: /FAIL.*the true sender's numbers are stored still/,
    },
  },
  {
    name: "a refused batch registers what it names",
    edits: [
      {
        file: "accessor/ingest/prepare.ts",
        find: "if (!(await options.isNext(asking))) return asking;",
        replace: "await options.isNext(asking);",
      },
    ],
    catch: {
      test: "accessor/ingest/floors.test.ts",
      says: /FAIL.*a refused batch registers neither/,
    },
  },
  {
    name: "a commit is written on whatever timeline it comes to",
    edits: [
      {
        file: "accessor/store/functions/locks.sql",
        find: "  perform assert_epoch(begin_epoch());\n",
        replace: "",
      },
    ],
    catch: {
      test: "accessor/store/failover.test.ts",
      says: /FAIL.*a backlog that overtakes what was published/,
    },
  },
  {
    name: "a step of compaction asks for no epoch",
    edits: [
      {
        file: "accessor/store/functions/step.sql",
        find: "  perform assert_epoch(current_epoch());\n",
        replace: "",
      },
    ],
    catch: {
      test: "accessor/store/failover.test.ts",
      says: /FAIL.*a step of compaction that gathered what was given up/,
    },
  },
  {
    name: "what was read of another epoch is used",
    edits: [
      {
        file: "accessor/domain/epochs.ts",
        find: "if (answer.epoch === undefined || (answer.epoch === current && current === this.current))",
        replace: "if (attempt === 0)",
      },
    ],
    catch: {
      test: "accessor/domain/epochs.test.ts",
      says: /FAIL.*what was read while another epoch began is read again/,
    },
  },
  {
    name: "who watches past a fork is told nothing",
    edits: [
      {
        file: "accessor/feed/fork.ts",
        find: "    tail.end({ revision, failure, rest: starting() });",
        replace: "",
      },
    ],
    catch: {
      test: "accessor/feed/fork.test.ts",
      says: /FAIL.*below what was published: whoever waits is told/,
    },
  },
  {
    name: "a new connection says nothing of its epoch",
    edits: [
      {
        file: "accessor/store/database.ts",
        find: "    await options.onEpoch(rows[0]!.epoch);\n",
        replace: "",
      },
    ],
    catch: {
      test: "accessor/store/failover-answers.test.ts",
      says: /FAIL.*an answer is never of two histories/,
    },
  },
  {
    name: "what was given up is acknowledged",
    edits: [
      { file: "accessor/rpc/ingest.ts", find: "    intake.assertHolds(position);\n", replace: "" },
    ],
    catch: {
      test: "accessor/rpc/one-history.test.ts",
      says: /FAIL.*a batch that was decided before a promotion/,
    },
  },
];
