// Keys from their making to their end, against a real accessor: calls, streams, and what is written
// about it.
import type pg from "pg";
import { expect, test } from "vitest";
import { createKey } from "../../access/key.ts";
import { createLog } from "../../runtime/log.ts";
import { eventually } from "../../test/testing/eventually.ts";
import { testDatabase } from "../../test/testing/postgres.ts";
import { listCommand, revokeCommand, rotateCommand } from "../commands/key-actions.ts";
import { openTestAccessor } from "../testing/accessor.ts";
import { reasonOf } from "../testing/errors.ts";
import { idOf, openClients, openKeyFixture } from "../testing/keys.ts";
import { openKeyring } from "./keyring.ts";

async function openFixture(lines: string[] = []) {
  await using stack = new AsyncDisposableStack();
  const database = stack.use(await testDatabase());
  const keys = stack.use(
    await openKeyFixture(database.url, createLog({ name: "keys", sink: (l) => lines.push(l) })),
  );
  const admin = await keys.create({ scope: ["admin"] });
  const log = createLog({ name: "accessor", level: "debug", sink: (line) => lines.push(line) });
  const accessor = stack.use(await openTestAccessor({ databaseUrl: database.url, auth: {}, log }));
  const owned = stack.move();
  const as = (credential?: string) => owned.use(openClients(accessor.port, credential));
  return { accessor, keys, admin, as, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** A new key is let in within the half second that accessors take to learn of it. */
const letIn = (clients: ReturnType<typeof openClients>) =>
  eventually(
    "the key is known",
    async () => (await clients.access.whoAmI({}).catch(() => undefined))?.principal,
  );

test("who calls is told who that is", async () => {
  await using fixture = await openFixture();
  const key = await fixture.keys.create({
    scope: ["read"],
    machine: ["mill-*"],
    producer: ["line"],
    expires: 90_000,
  });
  const principal = await letIn(fixture.as(key));
  expect(principal).toMatchObject({
    id: idOf(key),
    name: "test",
    scopes: [1],
    machines: ["mill-*"],
    producers: ["line"],
  });
  const expiresInMs = Number(principal!.expireTime!.seconds) * 1_000 - Date.now();
  expect(expiresInMs).toBeGreaterThan(80_000);
  expect(expiresInMs).toBeLessThan(91_000);
});

test("a revoked key ends its feed within 5 s, and opens no other", async () => {
  await using fixture = await openFixture();
  const key = await fixture.keys.create({ scope: ["live", "write"] });
  const { signals, ingest } = fixture.as(key);
  await letIn(fixture.as(key));
  const feed = signals.watchSignals({})[Symbol.asyncIterator]();
  await feed.next();
  const half = Promise.withResolvers<void>();
  async function* hello() {
    yield { message: { case: "hello" as const, value: { producerId: "p" } } };
    await half.promise;
  }
  const sending = ingest.ingest(hello())[Symbol.asyncIterator]();
  await sending.next();
  const startedMs = performance.now();
  await revokeCommand(idOf(key), fixture.keys.context);
  expect(await reasonOf(feed.next())).toMatchObject({ reason: "UNAUTHENTICATED", code: 16 });
  expect(await reasonOf(sending.next())).toMatchObject({ reason: "UNAUTHENTICATED", code: 16 });
  expect(performance.now() - startedMs).toBeLessThan(5_000);
  half.resolve();
  expect((await reasonOf(signals.getLatest({}))).reason).toBe("UNAUTHENTICATED");
});

test("a key that expires ends its feed", async () => {
  await using fixture = await openFixture();
  const clients = fixture.as(await fixture.keys.create({ scope: ["live"], expires: 2_500 }));
  await letIn(clients);
  const feed = clients.signals.watchSignals({})[Symbol.asyncIterator]();
  await feed.next();
  expect((await reasonOf(feed.next())).reason).toBe("UNAUTHENTICATED");
});

test("a replaced key goes on for its overlap only, and the new one has its rights", async () => {
  await using fixture = await openFixture();
  const old = await fixture.keys.create({ scope: ["read"], machine: ["mill-1"], expires: 60_000 });
  await letIn(fixture.as(old));
  await rotateCommand({ id: idOf(old), overlap: 1_000 }, fixture.keys.context);
  const principal = await letIn(fixture.as(fixture.keys.printed.at(-1)!));
  expect(principal).toMatchObject({ name: "test", scopes: [1], machines: ["mill-1"] });
  await eventually("the old key has ended", async () => {
    const ended = await fixture
      .as(old)
      .access.whoAmI({})
      .then(
        () => false,
        () => true,
      );
    return ended || undefined;
  });
  await expect(rotateCommand({ id: idOf(old), overlap: 0 }, fixture.keys.context)).rejects.toThrow(
    /no valid key/,
  );
  await expect(revokeCommand("0".repeat(12), fixture.keys.context)).rejects.toThrow(/no valid key/);
});

test("use is noted; lists, logs and tables hold no secret", async () => {
  const lines: string[] = [];
  await using fixture = await openFixture(lines);
  const key = await fixture.keys.create({ scope: ["read"] });
  const clients = fixture.as(key);
  await letIn(clients);
  await reasonOf(clients.ingest.ingestBatch({ producerId: "p", sequence: 1n }));
  await reasonOf(fixture.as(`${key.slice(0, -1)}_`).access.whoAmI({}));
  const used = "select last_used_at from api_key where id = $1 and last_used_at is not null";
  await eventually(
    "use is noted",
    async () => (await fixture.accessor.query(used, [idOf(key)]))[0],
  );
  fixture.keys.printed.length = 0;
  await listCommand(fixture.keys.context);
  await revokeCommand(idOf(key), fixture.keys.context);
  const secret = key.slice(16);
  const tables = JSON.stringify(await fixture.accessor.query("select * from api_key"));
  const all = [...lines, ...fixture.keys.printed, tables].join("\n");
  expect(all).toContain(idOf(key));
  expect(all).not.toContain(secret);
  for (const audit of ["key-created", "key-revoked", "refused"])
    expect(all).toContain(`"audit":"${audit}"`);
});

test("rotating a key that expires soon does not prolong it", async () => {
  await using fixture = await openFixture();
  const key = await fixture.keys.create({ scope: ["read"], expires: 90_000 });
  const expiry = async () =>
    (await fixture.accessor.query("select expires_at from api_key where id = $1", [idOf(key)]))[0]![
      "expires_at"
    ];
  const before = await expiry();
  await rotateCommand({ id: idOf(key), overlap: 3_600_000 }, fixture.keys.context);
  expect(await expiry()).toEqual(before);
});

test("a key ends at its time also while the database is away", async () => {
  const { id, text, digest } = createKey();
  const clock = { ms: 1_000_000 };
  const row = {
    id,
    digest,
    name: "k",
    scopes: ["read"],
    machines: ["*"],
    producers: ["*"],
    identity: id,
  };
  let asked = 0;
  const query = async () => {
    asked++;
    if (asked > 1) throw new Error("the database is away");
    return { rows: [{ ...row, expires_ms: 2_000_000 }] };
  };
  const client = { query, end: async () => {} } as unknown as pg.Client;
  const log = createLog({ name: "keys", level: "silent" });
  const database = { connect: async () => client };
  await using keyring = await openKeyring({ database, log, refreshMs: 1, nowMs: () => clock.ms });
  await eventually("it was asked in vain", () => asked > 2);
  const { ended } = keyring.find(text)!;
  expect(ended.aborted).toBe(false);
  clock.ms = 2_000_000;
  await eventually("it has ended", () => ended.aborted);
  expect(keyring.find(text)).toBeUndefined();
});
