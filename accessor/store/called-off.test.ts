// Statements whose caller no longer waits: short ones end by themselves and leave their connection
// as it is, long ones are cancelled.
import { expect, test } from "vitest";
import { createLog } from "../../runtime/log.ts";
import { testDatabase } from "../../test/testing/postgres.ts";
import { openDatabase } from "./database.ts";

async function open() {
  const stack = new AsyncDisposableStack();
  const { url } = stack.use(await testDatabase());
  const log = createLog({ name: "test", level: "silent" });
  // Two connections: one for the statements of this test.
  const database = stack.use(await openDatabase({ url, log, maxReadConnections: 2 }));
  const backend = async () => (await database.read("select pg_backend_pid()", [], {}))[0]![0];
  return { database, backend, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

const left = new Error("left");

test("a short statement that is left ends, and its connection is used again", async () => {
  await using fixture = await open();
  const { database, backend } = fixture;
  const pid = await backend();
  const controller = new AbortController();
  const asked = database.read("select 1 from pg_sleep(0.02)", [], { abort: controller.signal });
  setImmediate(() => controller.abort(left));
  await asked.catch((error) => expect(error).toBe(left));
  expect(await backend()).toBe(pid);
});

test("a statement that is left before it begins costs no connection", async () => {
  await using fixture = await open();
  const { database, backend } = fixture;
  const pid = await backend();
  const asked = database.read("select 1", [], { abort: AbortSignal.abort(left) });
  await expect(asked).rejects.toBe(left);
  expect(await backend()).toBe(pid);
});

test("a long statement that is left is called off, and with it its connection", async () => {
  await using fixture = await open();
  const { database, backend } = fixture;
  const pid = await backend();
  const controller = new AbortController();
  const asked = database.read("select 1 from pg_sleep(9)", [], { abort: controller.signal });
  setImmediate(() => controller.abort(left));
  await expect(asked).rejects.toBe(left);
  expect(await backend()).not.toBe(pid);
  const [row] = await database.read(
    "select count(*) from pg_stat_activity where query ~ 'pg_sleep.9' and pid = $1",
    [pid],
    {},
  );
  expect(row).toEqual([0]);
});
