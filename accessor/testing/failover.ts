// Accessors in front of a PostgreSQL whose standby is promoted, for tests.
import { afterAll, onTestFinished } from "vitest";
import { createLog } from "../../runtime/log.ts";
import { eventually } from "../../test/testing/eventually.ts";
import {
  askServer,
  type DataFolder,
  makeDataFolder,
  openReplicatedPostgres,
  type ReplicatedPostgres,
} from "../../test/testing/standby.ts";
import { migrate } from "../store/migrate.ts";
import { openTestAccessor, type TestAccessor, type TestAccessorOptions } from "./accessor.ts";
import { oneSample, Producer } from "./batches.ts";
import { headOf } from "./watch.ts";

/** With a migrated database `millrace`. */
async function fill(serverUrl: string): Promise<void> {
  await askServer(serverUrl, "create database millrace");
  const url = new URL(serverUrl);
  url.pathname = "/millrace";
  await migrate(url.href, createLog({ name: "migrate", level: "warn" }));
}

// An accessor that neither polls nor is notified: it notices a change only by its own calls.
export const unaware = { pollMs: 3_600_000, notify: false };

/**
 * A test file calls it once, outside its tests: all servers start as copies of one data folder,
 * which is removed after the file's last test.
 */
export function serversOfFile() {
  let data: Promise<DataFolder> | undefined;
  afterAll(async () => (await data)?.[Symbol.asyncDispose]());
  return async function open(
    options: TestAccessorOptions = {},
  ): Promise<{ servers: ReplicatedPostgres; accessor: TestAccessor }> {
    data ??= makeDataFolder(fill);
    const servers = await openReplicatedPostgres(await data);
    onTestFinished(() => servers[Symbol.asyncDispose]());
    const accessor = await openOn(servers, options);
    return { servers, accessor };
  };
}

export async function openOn(
  servers: ReplicatedPostgres,
  options: TestAccessorOptions = {},
): Promise<TestAccessor> {
  const accessor = await openTestAccessor({ databaseUrl: servers.url("millrace"), ...options });
  onTestFinished(() => accessor[Symbol.asyncDispose]());
  accessor.done.catch(() => {});
  return accessor;
}

/** Sends one batch until it is accepted, as producers do; returns its cursor. */
export async function send(
  { ingest }: TestAccessor,
  producerId: string,
  sequence: number,
): Promise<string> {
  let cursor = "";
  await eventually(`${producerId} ${sequence} is taken`, async () => {
    const answer = await ingest
      .ingestBatch({ producerId, sequence: BigInt(sequence), batch: oneSample(sequence) })
      .catch(() => undefined);
    cursor = answer?.cursor ?? "";
    return answer !== undefined;
  });
  return cursor;
}

export async function sendAll(
  accessor: TestAccessor,
  producerId: string,
  count: number,
): Promise<string> {
  await using producer = await Producer.open(accessor.ingest, producerId);
  for (let sequence = 1; sequence <= count; sequence++)
    producer.send(sequence, oneSample(sequence));
  await producer.acksThrough(count);
  return headOf(accessor);
}
