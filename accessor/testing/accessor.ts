// An accessor in this process for tests, on a port and usually a database of its own, with Connect
// clients of its services.
import { type Client, createClient } from "@connectrpc/connect";
import pg from "pg";
import { Health } from "#gen/grpc/health/v1/health_pb.ts";
import { IngestService } from "#gen/millrace/v1/ingest_service_pb.ts";
import { MachineService } from "#gen/millrace/v1/machine_service_pb.ts";
import { SignalService } from "#gen/millrace/v1/signal_service_pb.ts";
import { createGrpcTransport } from "../../runtime/grpc/transport.ts";
import { createLog } from "../../runtime/log.ts";
import { testDatabase } from "../../test/testing/postgres.ts";
import { openAccessor } from "../accessor.ts";
import type { Ledger } from "../domain/ledger.ts";
import type { AccessorOptions } from "../options.ts";

export interface TestAccessor extends AsyncDisposable {
  readonly port: number;
  readonly databaseUrl: string;
  readonly ingest: Client<typeof IngestService>;
  readonly signals: Client<typeof SignalService>;
  readonly machines: Client<typeof MachineService>;
  readonly health: Client<typeof Health>;
  readonly done: Promise<never>;
  readonly ledger: Ledger;
  /** Rows of a statement, queried directly, not through the accessor. */
  query(statement: string, values?: unknown[]): Promise<Record<string, unknown>[]>;
}

export type TestAccessorOptions = Partial<AccessorOptions>;

/**
 * If databaseUrl is given, the caller must drop that database. History is off, unless options turn
 * it on.
 */
export async function openTestAccessor(options: TestAccessorOptions = {}): Promise<TestAccessor> {
  await using stack = new AsyncDisposableStack();
  const databaseUrl = options.databaseUrl ?? stack.use(await testDatabase()).url;
  const accessor = await openAccessor({
    host: "127.0.0.1",
    port: 0,
    bookmarkIntervalMs: 5_000,
    maxInFlightBytes: 64 * 1024 * 1024,
    history: {
      compactIntervalMs: 3_600_000,
      logWindowMs: 86_400_000,
      maxLogBytes: 2 ** 34,
      retentionMs: undefined,
      rollupRetentionMs: undefined,
    },
    log: createLog({ name: "accessor", level: "silent" }),
    ...options,
    databaseUrl,
  });
  stack.defer(() => assertNothingBorrowed(accessor.ledger));
  stack.use(accessor);
  const transport = stack.use(
    createGrpcTransport({ baseUrl: `http://127.0.0.1:${accessor.port}` }),
  );
  const owned = stack.move();
  return {
    port: accessor.port,
    databaseUrl,
    ingest: createClient(IngestService, transport),
    signals: createClient(SignalService, transport),
    machines: createClient(MachineService, transport),
    health: createClient(Health, transport),
    done: accessor.done,
    ledger: accessor.ledger,
    query: (statement, values) => queryDatabase(databaseUrl, statement, values),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/**
 * After an accessor is closed, everything that its calls had borrowed is returned. Work in the
 * background may take a moment.
 */
async function assertNothingBorrowed(ledger: Ledger): Promise<void> {
  const left = () => Object.entries(ledger.borrowed()).filter(([, amount]) => amount !== 0);
  for (const untilMs = performance.now() + 5_000; left().length > 0; ) {
    if (performance.now() > untilMs)
      throw new Error(
        `still borrowed when the accessor was closed: ${JSON.stringify(Object.fromEntries(left()))}`,
      );
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export async function queryDatabase(url: string, statement: string, values: unknown[] = []) {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => {});
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(statement, values)).rows;
  } finally {
    await client.end();
  }
}
