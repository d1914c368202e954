// Opens the database: creates it if it does not exist, migrates it, and provides the pools. Most
// statements, with few rows each, run through Slonik; pg is used directly for what Slonik cannot
// do: binary arrays as parameters, rows as plain arrays, LISTEN.
import {
  Client,
  Pool,
  type PoolClient,
  type PoolConfig,
  type QueryConfig,
  type QueryResult,
} from "pg";
import { createPool, type DatabasePool } from "slonik";
import type { Log } from "../../runtime/log.ts";
import type { SeenEpoch } from "../domain/epochs.ts";
import { Failure } from "../domain/failure.ts";
import { type BinaryRow, CopyOut } from "./copy-out.ts";
import { createIfMissing } from "./create-database.ts";
import { toFailure } from "./errors.ts";
import { migrate } from "./migrate.ts";
import { parserOf } from "./row-values.ts";
import { createRunner } from "./run-statement.ts";
import { SampleBudget } from "./sample-budget.ts";
import { pgDriver } from "./slonik-driver.ts";
import { rowChecks } from "./sql.ts";

export type Database = AsyncDisposable & {
  /** For statements written with sql tags. */
  readonly slonik: DatabasePool;
  /** Queries by Slonik for a caller, in its turn (see shared-database.ts). Fails with a Failure. */
  ask<T>(query: (slonik: DatabasePool) => Promise<T>): Promise<T>;
  /** Counts samples that are about to be decoded for a question. Fails with QUESTION_TOO_LARGE. */
  spend(samples: number): void;
  /** The decoded samples of all questions together. */
  readonly sampleBudget: SampleBudget;
  /**
   * The database itself, given a caller's view (see shared-database.ts): for data that is read once
   * for all callers.
   */
  readonly unshared: Database;
  /** How many connections there are for each kind of read. */
  readonly connections: { read: number; lookUp: number; slonik: number };
  /**
   * Rows as arrays of values (see row-values.ts). Fails with a Failure. retires: whether the
   * connection of these rows must not be used again.
   */
  read(
    text: string,
    values: unknown[],
    options: {
      abort?: AbortSignal | undefined;
      name?: string;
      retires?: (rows: unknown[][]) => boolean;
    },
  ): Promise<unknown[][]>;
  /**
   * Like read, for a statement of one shape that looks up a few rows by index, and runs often: it
   * is planned once for each connection. Otherwise PostgreSQL would plan it for every call, because
   * the lengths of its arrays are known, and planning takes longer than running it.
   */
  lookUp(
    text: string,
    values: unknown[],
    options: { abort?: AbortSignal | undefined; name: string },
  ): Promise<unknown[][]>;
  /**
   * The rows of a COPY … TO STDOUT (FORMAT binary): for bytes, which ordinary rows would contain as
   * hexadecimal text (see copy-out.ts).
   */
  copyOut(statement: string, options: { abort?: AbortSignal | undefined }): Promise<BinaryRow[]>;
  /** Like read, on the connection kept for writing, one statement at a time. */
  write(text: string, values: unknown[], options: { name?: string }): Promise<unknown[][]>;
  /** The same for compaction, so that no ingest waits behind it. */
  compact(
    text: string,
    values: unknown[],
    options: { abort?: AbortSignal | undefined; name?: string },
  ): Promise<unknown[][]>;
  /**
   * A connection of its own, not pooled: the caller ends it. applicationName: replaces the
   * database's.
   */
  connect(applicationName?: string): Promise<Client>;
};

/**
 * The application_name of an accessor's sessions, and of the session that reads the keys while the
 * accessor requires them.
 */
export const accessorSessions = "millrace-accessor";
export const keyringSession = "millrace-accessor-keys";

export type DatabaseOptions = {
  url: string;
  /** How many connections reads may use, in total; at least three. Default 16. */
  maxReadConnections?: number;
  /**
   * Called with the epoch of each new connection for reads, before it is used. If it throws, the
   * connection is not used.
   */
  onEpoch?: (seen: SeenEpoch) => Promise<void>;
  /** The longest that a read statement may run, and so hold a snapshot. Default 10 s. */
  statementTimeoutMs?: number;
  /**
   * Whether the database is known to exist and to have this version's schema. Default false: it is
   * created and migrated if necessary.
   */
  isPrepared?: boolean;
  /** The application_name of its sessions in pg_stat_activity. Default accessorSessions. */
  applicationName?: string;
  log: Log;
};

// A frozen accessor must not hold the lock while the others wait: its session is ended after 5 s.
// jit costs 86 ms on a statement of 0.5 ms. Rows are looked up by index and are mostly in memory;
// the default of 4 is for a spinning disk.
const sessionSettings = {
  jit: "off",
  random_page_cost: "1.1",
  synchronous_commit: "on",
  lock_timeout: "10s",
  idle_in_transaction_session_timeout: "5s",
  timezone: "UTC",
};

const queryTimeoutMs = 130_000;
// The longest that a write may take: the limit of its statement and a little more. Behind a
// connection that hangs without closing, all ingest would wait.
const writeTimeoutMs = 32_000;
const checkMs = 5_000; // A new connection that does not answer within this time has failed.

/** query_timeout: for a single statement; the types of pg lack it. */
export type Bounded = QueryConfig & { query_timeout: number };

export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const {
    url,
    log,
    maxReadConnections = 16,
    statementTimeoutMs = 10_000,
    isPrepared = false,
  } = options;
  const { applicationName = accessorSessions } = options;
  if (!isPrepared) {
    await createIfMissing(url, log);
    await migrate(url, log);
  }
  await using stack = new AsyncDisposableStack();
  const settings = (extra: Record<string, string>) =>
    Object.entries({ ...sessionSettings, ...extra })
      .map(([key, value]) => `-c ${key}=${value}`)
      .join(" ");
  const timeouts = settings({ statement_timeout: `${statementTimeoutMs}ms` });

  const client = (pgOptions: string) => ({
    connectionString: url,
    application_name: applicationName,
    options: pgOptions,
    connectionTimeoutMillis: 5_000,
    keepAlive: true,
    // If the server's own timeouts have not ended a statement, the server is gone.
    query_timeout: queryTimeoutMs,
  });
  /**
   * For each connection: another server may have become the primary since the last one was opened.
   */
  const check = async (connection: Pick<Client, "query">) => {
    if (options.onEpoch === undefined) return;
    const query: Bounded = { text: "select current_epoch() as epoch", query_timeout: checkMs };
    const { rows } = await connection.query<{ epoch: SeenEpoch }>(query);
    await options.onEpoch(rows[0]!.epoch);
  };
  const verify: PoolConfig["verify"] = (client, done) =>
    void check(client).then(() => done(), done);
  const pgPool = (
    max: number,
    pgOptions: string,
    more: Pick<PoolConfig, "query_timeout" | "verify">,
  ) => {
    const pool = new Pool({
      ...client(pgOptions),
      max,
      idleTimeoutMillis: 60_000,
      types: { getTypeParser: parserOf as never },
      ...more,
    });
    // An idle connection that breaks is replaced when next needed. One that breaks while in use
    // fails its query and also emits an error, which would end the process without this listener.
    pool.on("connect", (client) => client.on("error", () => {}));
    pool.on("error", (error) => log.warn("an idle database connection broke", { error }));
    stack.defer(() => pool.end());
    return pool;
  };
  const lookUps = Math.max(1, Math.floor(maxReadConnections / 4));
  const others = Math.max(2, maxReadConnections - lookUps);
  const readers = pgPool(Math.ceil(others / 2), timeouts, { verify });
  const lookers = pgPool(
    lookUps,
    settings({
      statement_timeout: `${statementTimeoutMs}ms`,
      plan_cache_mode: "force_generic_plan",
    }),
    { verify },
  );
  const writer = pgPool(1, settings({ statement_timeout: "30s" }), {
    query_timeout: writeTimeoutMs,
  });
  const compactor = pgPool(1, settings({ statement_timeout: "120s" }), {});

  const slonik = await createPool(url, {
    driverFactory: pgDriver(client(timeouts), check),
    maximumPoolSize: Math.floor(others / 2),
    captureStackTrace: false,
    // Our sessions keep no state, so there is nothing to reset between two uses.
    resetConnection: async () => {},
    interceptors: [rowChecks],
  });
  stack.defer(() => slonik.end());

  const run = createRunner(url, log);

  const rowsOf =
    (text: string, values: unknown[], name: string | undefined) => async (client: PoolClient) => {
      const query = { text, values, name, rowMode: "array" };
      const { rows }: QueryResult<unknown[]> = await client.query(query as never);
      return rows;
    };

  const owned = stack.move();
  const database: Database = {
    slonik,
    async ask(query) {
      try {
        return await query(slonik);
      } catch (error) {
        throw toFailure(error);
      }
    },
    spend() {},
    sampleBudget: new SampleBudget(),
    get unshared() {
      return database;
    },
    connections: { read: Math.ceil(others / 2), lookUp: lookUps, slonik: Math.floor(others / 2) },
    read: (text, values, { name, ...options }) => run(readers, rowsOf(text, values, name), options),
    lookUp: (text, values, { name, abort }) => run(lookers, rowsOf(text, values, name), { abort }),
    copyOut: (statement, { abort }) =>
      run(readers, (client) => client.query(new CopyOut(statement)).rows, { abort }),
    async write(text, values, { name }) {
      try {
        return await run(writer, rowsOf(text, values, name), {});
      } catch (error) {
        // For a read, it means that too much was requested; for a write, that the database is
        // stuck.
        if (!(error instanceof Failure) || error.reason !== "DEADLINE_EXCEEDED") throw error;
        throw new Failure(
          "DATABASE_UNAVAILABLE",
          "the database takes too long to write; try again",
          {
            retryAfterMs: 1_000,
            cause: error,
          },
        );
      }
    },
    compact: (text, values, { name, abort }) =>
      run(compactor, rowsOf(text, values, name), { abort }),
    async connect(name = applicationName) {
      const own = new Client({
        connectionString: url,
        application_name: name,
        connectionTimeoutMillis: 5_000,
        keepAlive: true,
      });
      own.on("error", () => {});
      await own.connect();
      return own;
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
  return database;
}
