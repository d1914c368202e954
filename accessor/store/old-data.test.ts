// This version opens a database that the program of migration 0046 filled, gives the same answers
// and continues. accessor/testing/data-of-0046/ has the rows, and the answers of that program.
import { readFileSync } from "node:fs";
import {
  create,
  type DescMethod,
  fromJson,
  type JsonObject,
  type JsonValue,
  toJson,
} from "@bufbuild/protobuf";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { IngestBatchRequestSchema } from "#gen/millrace/v1/ingest_service_pb.ts";
import { SignalService } from "#gen/millrace/v1/signal_service_pb.ts";
import { createLog } from "../../runtime/log.ts";
import { eventually } from "../../test/testing/eventually.ts";
import { type TestDatabase, testDatabase } from "../../test/testing/postgres.ts";
import { openTestAccessor, type TestAccessor } from "../testing/accessor.ts";
import { migrate, readMigrations } from "./migrate.ts";

const folder = new URL("../testing/data-of-0046/", import.meta.url);
const read = (name: string) => readFileSync(new URL(name, folder), "utf8");

type Asked = { rpc: string; request: JsonObject; answer: JsonValue };
type Selected = { sql: string; rows: (string | null)[][] };
type Resent = { resend: JsonObject };
const lines = read("answers.ndjson")
  .trimEnd()
  .split("\n")
  .map((line) => JSON.parse(line) as object);
const asked = lines.filter((line): line is Asked => "rpc" in line);
const selected = lines.filter((line): line is Selected => "sql" in line);
const resent = lines.filter((line): line is Resent => "resend" in line);

let database: TestDatabase;
let accessor: TestAccessor;
beforeAll(async () => {
  database = await testDatabase("empty");
  const log = createLog({ name: "test", level: "silent" });
  await migrate(database.url, log, { migrations: readMigrations().slice(0, 46), functions: null });
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  try {
    await client.query("begin; set local session_replication_role = replica");
    await client.query(read("rows.sql"));
    await client.query("commit");
  } finally {
    await client.end();
  }
  await migrate(database.url, log);
});
afterAll(() => database?.[Symbol.asyncDispose]());

/** As received, except page tokens, which are random. */
async function ask({ rpc, request }: Asked): Promise<JsonValue> {
  const method: DescMethod = SignalService.methods.find(({ localName }) => localName === rpc)!;
  const call = (accessor.signals as unknown as Record<string, (request: unknown) => unknown>)[rpc]!;
  const answer = call(fromJson(method.input, request));
  const plain = (message: unknown) => {
    const json = toJson(method.output, message as never) as JsonObject;
    return "nextPageToken" in json ? { ...json, nextPageToken: "…" } : json;
  };
  if (method.methodKind === "unary") return plain(await answer);
  const parts: JsonValue[] = [];
  for await (const part of answer as AsyncIterable<unknown>) parts.push(plain(part));
  return parts;
}

async function select({ sql }: Selected): Promise<(string | null)[][]> {
  const types = { getTypeParser: () => (text: string) => text } as never;
  const client = new pg.Client({ connectionString: database.url, types });
  await client.connect();
  try {
    await client.query("set timezone to 'UTC'");
    return (await client.query({ text: sql, rowMode: "array" })).rows;
  } finally {
    await client.end();
  }
}

test.each(selected.map((one) => [one.sql, one] as const))("%s", async (_, one) => {
  // Views have got more columns since, after those of that program.
  const known = (await select(one)).map((row) => row.slice(0, one.rows[0]?.length));
  expect(known).toEqual(one.rows);
});

describe("an accessor", () => {
  beforeAll(async () => {
    accessor = await openTestAccessor({ databaseUrl: database.url });
  });
  afterAll(() => accessor?.[Symbol.asyncDispose]());

  test.each(asked.map((one, i) => [`${i + 1}. ${one.rpc}`, one] as const))("%s", async (_, one) => {
    // In the form of text, which has one zero.
    expect(JSON.parse(JSON.stringify(await ask(one)))).toEqual(one.answer);
  });

  test("a producer that sends its last batch again gets the first answer, and sends the next", async () => {
    const [{ resend }] = resent as [Resent];
    const batch = fromJson(IngestBatchRequestSchema, resend);
    const { result } = await accessor.ingest.ingestBatch(batch);
    expect(result).toMatchObject({ sequence: batch.sequence, duplicate: true });
    const sequence = batch.sequence + 1n;
    const next = await accessor.ingest.ingestBatch(
      create(IngestBatchRequestSchema, { ...batch, sequence }),
    );
    expect(next.result).toMatchObject({ sequence, duplicate: false });
  });

  test("what the old program left in the log is compacted, and the answers stay", async () => {
    await accessor[Symbol.asyncDispose]();
    const history = {
      compactIntervalMs: 20,
      logWindowMs: 86_400_000,
      maxLogBytes: 2 ** 34,
      retentionMs: undefined,
      rollupRetentionMs: undefined,
    };
    accessor = await openTestAccessor({ databaseUrl: database.url, history });
    await eventually("everything is compacted", async () => {
      const [row] = await accessor.query(
        `select (select max(revision) from watermark) = (select max(revision) from receipt)
           and not exists (select from held_commit where released_at is null) as done`,
      );
      return row!["done"] === true;
    });
    // The one question for a time without later batches.
    const one = asked.find(({ request }) => request["signal"] === "temperature")!;
    const { cursor: _, ...answer } = (await ask(one)) as JsonObject;
    const { cursor: __, ...expected } = one.answer as JsonObject;
    expect(answer).toEqual(expected);
  });
});
