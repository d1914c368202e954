// A database whose log is filled and compacted by hand, and queried as of any revision. For tests
// only.
import { create } from "@bufbuild/protobuf";
import { createContextValues, type HandlerContext } from "@connectrpc/connect";
import pg from "pg";
import { BatchSchema, Severity } from "#gen/millrace/v1/signal_pb.ts";
import { createLog } from "../../runtime/log.ts";
import { testDatabase } from "../../test/testing/postgres.ts";
import {
  type IdleRollUpOptions,
  type IdleRollUpResult,
  rollUpWhileIdle,
} from "../compact/roll-up-while-idle.ts";
import { compactStep, type StepOptions, type StepResult } from "../compact/step.ts";
import { type TidyOptions, tidy } from "../compact/tidy.ts";
import { CursorFormat } from "../domain/cursor.ts";
import { Epochs } from "../domain/epochs.ts";
import { toRetention } from "../domain/retention.ts";
import { SharedMessages } from "../feed/follow.ts";
import { SentByFeeds } from "../feed/sent.ts";
import { Tail } from "../feed/tail.ts";
import { prepareBatch } from "../ingest/prepare.ts";
import type { Submission } from "../ingest/prepared.ts";
import { Repeats } from "../ingest/repeats.ts";
import { createSignalService } from "../rpc/signals.ts";
import { Catalog } from "../store/catalog.ts";
import { type Database, openDatabase } from "../store/database.ts";
import { Descriptions } from "../store/descriptions.ts";
import { isOfUnknownRepeats } from "../store/errors.ts";
import { commitGroup, type Decision } from "../store/ingest.ts";
import { forgetLayout } from "../store/layout.ts";
import { at, type BatchInit } from "./batches.ts";

export const unaborted = new AbortController().signal;
export const quiet = createLog({ name: "history", level: "silent" });
export const forEver = toRetention(undefined, []);

/** Limits that no test here reaches. */
export const roomy = {
  maxRows: 20_000,
  maxPayloadBytes: 8 * 1024 * 1024,
  maxSamples: 2_000_000,
  maxBuckets: 1_000_000,
  maxWeeks: 200,
  maxTouchedHours: 1_000_000,
  maxRewritten: 4_000_000,
  maxAtOnce: 262_144,
  maxRollups: 500,
  maxPartitions: 100,
};

/** The record that settle commits: an error of machine a, long ago. */
export const tickUs = Date.UTC(2025, 5, 1) * 1000;
const tick = {
  machine: "a",
  errorReports: [{ time: at(tickUs), severity: Severity.INFO, code: "tick" }],
};

export type Service = ReturnType<typeof createSignalService>;

const nowUs = () => Date.now() * 1000;
const unlimited = { machines: 2 ** 30, series: 2 ** 30 };

export class TestHistory implements AsyncDisposable {
  readonly url: string;
  readonly database: Database;
  catalog: Catalog;
  readonly #stack: AsyncDisposableStack;
  readonly #client: pg.Client;
  readonly #sequences = new Map<string, number>();
  /** Of one accessor. */
  readonly repeats: Repeats;

  private constructor(parts: {
    url: string;
    database: Database;
    client: pg.Client;
    stack: AsyncDisposableStack;
  }) {
    this.url = parts.url;
    this.database = parts.database;
    this.#client = parts.client;
    this.#stack = parts.stack;
    this.catalog = new Catalog(this.database);
    this.repeats = new Repeats(this.database);
  }

  static async open(): Promise<TestHistory> {
    await using stack = new AsyncDisposableStack();
    const { url } = stack.use(await testDatabase());
    const database = stack.use(await openDatabase({ url, log: quiet }));
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    stack.defer(() => client.end());
    return new TestHistory({ url, database, client, stack: stack.move() });
  }

  /** Rows of a statement, queried without our own code. */
  async query<Row = Record<string, unknown>>(text: string, values: unknown[] = []): Promise<Row[]> {
    return (await this.#client.query(text, values)).rows as Row[];
  }

  /** Restores the partitions that migrations make, for tests that make or drop some. */
  async clearPartitions(): Promise<void> {
    const made = await this.query<{ name: string }>(
      "select relname as name from pg_class where relkind = 'r' and relname ~ '^(log|receipt|block)_[0-9]+$'",
    );
    for (const { name } of made) await this.query(`drop table ${name} cascade`);
    for (const parent of ["log", "receipt"])
      await this.query(`create table ${parent}_1 partition of ${parent} for values in (1)`);
    await this.query(
      "truncate log_segment; insert into log_segment (segment, first_revision) values (1, 1)",
    );
    await this.clear();
  }

  /** Empties the database; partitions stay. */
  async clear(): Promise<void> {
    await this.query(`truncate log, receipt, block, block_end, rollup_hour, rollup_state, rollup_due, rollup_state_due, state_change, error_report,
      quarantine, held_log, held_commit, watermark, touched, alive_hour, alive_due, clock_hour,
      series_day, series_day_due, kept_minute, kept_minute_day, kept_hour, producer, producer_count, lost_range, series, machine, registered cascade`);
    await this.query("insert into watermark (revision) values (0)");
    await this.query("update tidied set rollups_through = 0");
    await this.query("update log_segment set first_revision = 1");
    this.catalog = new Catalog(this.database);
    forgetLayout(this.database);
    this.repeats.forget();
    this.#sequences.clear();
  }

  /** Commits a batch as the next of its producer; returns its outcome. */
  async ingest(batch: BatchInit, producer = "p"): Promise<Decision> {
    const sequence = (this.#sequences.get(producer) ?? 0) + 1;
    this.#sequences.set(producer, sequence);
    return this.ingestAgain(batch, { producer, sequence });
  }

  /** Commits a batch under a number that the caller chooses. */
  async ingestAgain(
    init: BatchInit,
    { producer, sequence }: { producer: string; sequence: number },
  ): Promise<Decision> {
    const [decision] = await this.#ingestAll([{ batch: init, producer, sequence }], this.repeats);
    return decision!;
  }

  /**
   * Prepares batches of one producer before any of them is committed, then commits them together,
   * as an accessor does that knows what its Repeats knows.
   */
  ingestTogether(batches: readonly BatchInit[], repeats = this.repeats): Promise<Decision[]> {
    const first = (this.#sequences.get("p") ?? 0) + 1;
    this.#sequences.set("p", first + batches.length - 1);
    const numbered = batches.map((batch, i) => ({ batch, producer: "p", sequence: first + i }));
    return this.#ingestAll(numbered, repeats);
  }

  async #ingestAll(
    numbered: readonly { batch: BatchInit; producer: string; sequence: number }[],
    repeats: Repeats,
  ): Promise<Decision[]> {
    const waiting: Submission[] = [];
    for (const { batch, producer, sequence } of numbered) {
      const prepared = await prepareBatch(
        { sequence, batch: create(BatchSchema, batch), byteLength: 0 },
        {
          catalog: this.catalog,
          repeats,
          maxBatchBytes: 2 ** 30,
          maxBatchRecords: 1_000_000,
          retention: forEver,
          maxAgeMs: Number.POSITIVE_INFINITY,
          nowUs: Date.now() * 1000,
          holder: "test",
          quotas: { all: unlimited, of: () => unlimited },
          onQuota: () => {},
        },
      );
      if (prepared.result !== null) throw new Error("the test's batch was not taken whole");
      waiting.push({ producer, owner: undefined, ackedSequence: undefined, prepared });
    }
    const decided: Decision[] = [];
    while (decided.length < waiting.length) {
      const { group, seen } = await repeats.thin(waiting.slice(decided.length));
      try {
        const decisions = await commitGroup(this.database, group, { seen });
        repeats.learn(
          group.flatMap(({ prepared: { rows } }, i) => {
            const { outcome, revision } = decisions[i]!;
            return outcome === "stored" ? [{ revision, rows }] : [];
          }),
        );
        decided.push(...decisions);
      } catch (error) {
        repeats.forget();
        if (!isOfUnknownRepeats(error)) throw error;
      }
    }
    return decided;
  }

  /** One step. By default the limits suffice for everything, and every hour is over. */
  compact(options: Partial<StepOptions> = {}): Promise<StepResult | undefined> {
    const { database, catalog } = this;
    return compactStep({
      database,
      catalog,
      ...roomy,
      nowUs,
      settleUs: 0,
      retention: forEver,
      abort: unaborted,
      ...options,
    });
  }

  /** All the steps of compaction while nothing is committed. By default every hour is over. */
  rollUpWhileIdle(options: Partial<IdleRollUpOptions> = {}): Promise<IdleRollUpResult | undefined> {
    const { database, catalog } = this;
    return rollUpWhileIdle({
      database,
      catalog,
      ...roomy,
      nowUs,
      settleUs: 0,
      abort: unaborted,
      ...options,
    });
  }

  /**
   * Compacts, and once more after another commit, so that hours that are over are rolled up.
   * Returns that commit's revision.
   */
  async settle(): Promise<number> {
    await this.compactAll();
    const { revision } = await this.ingest(tick);
    await this.compactAll();
    return revision;
  }

  async compactAll(options: Partial<StepOptions> = {}): Promise<void> {
    while ((await this.compact(options)) !== undefined);
  }

  tidy(options: Partial<TidyOptions> = {}): Promise<void> {
    return tidy({
      database: this.database,
      log: quiet,
      nowUs,
      abort: unaborted,
      logWindowMs: 86_400_000,
      maxLogBytes: 2 ** 40,
      segmentMs: 86_400_000,
      segmentBytes: 2 ** 40,
      supersededMs: 1_200_000,
      maxDropped: 1_000,
      ...options,
    });
  }

  /**
   * The service as it answers while a revision, committed now, is the newest that it has published.
   */
  serviceAt(
    revision: number,
    committedUs: number | undefined = Date.now() * 1000,
  ): { service: Service; context: HandlerContext } {
    const { database, catalog } = this;
    const one = [{ epoch: 1, firstRevision: 1 }];
    const cursors = new CursorFormat("00000000-0000-0000-0000-000000000000", one);
    const epochs = new Epochs({ epochs: one, read: async () => one, onMoved: () => {} });
    const tail = new Tail({
      head: { revision, committedUs },
      readLog: async () => ({ commits: [], through: revision }),
      readCommitTime: async () => committedUs,
      onPassedOver: () => {},
      log: quiet,
    });
    catalog.markStale();
    const descriptions = new Descriptions(database);
    const service = createSignalService({
      pageKey: "test",
      reads: { database, catalog, descriptions, tail, cursors, epochs },
      shared: new SharedMessages(() => 0),
      sent: new SentByFeeds(),
      bookmarkIntervalMs: 5_000,
      nowMs: Date.now,
    });
    return {
      service,
      context: { signal: unaborted, values: createContextValues() } as HandlerContext,
    };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync();
  }
}
