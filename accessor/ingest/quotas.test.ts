// How many machines and series a caller may register: beyond it what is new is refused by name,
// what is known is taken as before.
import { createClient } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { ErrorReason } from "#gen/millrace/v1/error_reason_pb.ts";
import { IngestService, RecordKind } from "#gen/millrace/v1/ingest_service_pb.ts";
import { MachineState } from "#gen/millrace/v1/signal_pb.ts";
import { forwardedClientHeader } from "../../access/forwarded-client.ts";
import { createGrpcTransport } from "../../runtime/grpc/transport.ts";
import { createLog } from "../../runtime/log.ts";
import { eventually } from "../../test/testing/eventually.ts";
import { testDatabase } from "../../test/testing/postgres.ts";
import { ownerOfSubject } from "../access/owner.ts";
import { rotateCommand } from "../commands/key-actions.ts";
import { migrate, readMigrations } from "../store/migrate.ts";
import { openTestAccessor, queryDatabase, type TestAccessorOptions } from "../testing/accessor.ts";
import { at, type BatchInit, column, epochUs } from "../testing/batches.ts";
import { idOf, openClients, openKeyFixture } from "../testing/keys.ts";

async function openFor(options: TestAccessorOptions) {
  const stack = new AsyncDisposableStack();
  const accessor = stack.use(await openTestAccessor(options));
  let sent = 0;
  const as = (address: string) => {
    const headers = { [forwardedClientHeader]: address };
    const transport = stack.use(
      createGrpcTransport({ baseUrl: `http://127.0.0.1:${accessor.port}`, headers }),
    );
    const client = createClient(IngestService, transport);
    return async (batch: BatchInit) =>
      (await client.ingestBatch({ producerId: `p${++sent}`, sequence: 1n, batch })).result!;
  };
  return { accessor, as, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

const numbers = (machine: string, ...signals: string[]) => ({
  machine,
  samples: signals.map((signal) => column(signal, [[epochUs, 1]])),
});
const { QUOTA_EXCEEDED } = ErrorReason;

test("a machine too many is refused, known ones go on, and another caller has its own", async () => {
  await using fixture = await openFor({ maxMachinesPerKey: 2 });
  const { accessor, as } = fixture;
  const send = as("192.0.2.1");
  for (const machine of ["a", "b"])
    expect((await send(numbers(machine, "power"))).refusal).toBeUndefined();
  expect(await send(numbers("c", "power"))).toMatchObject({ refusal: { reason: QUOTA_EXCEEDED } });
  expect((await send(numbers("a", "power", "speed"))).verdicts).toEqual([]);
  expect((await as("192.0.2.2")(numbers("c", "power"))).refusal).toBeUndefined();
  // Known by now, so no matter whose it is.
  expect((await send(numbers("c", "power"))).refusal).toBeUndefined();
  expect(
    await accessor.query("select owner, machines, series from registered order by owner"),
  ).toEqual([
    { owner: "", machines: 3, series: 4 },
    { owner: "address 192.0.2.1", machines: 2, series: 3 },
    { owner: "address 192.0.2.2", machines: 1, series: 1 },
  ]);
  expect(accessor.ledger.refused()).toEqual({ "machines-per-key": 1 });
});

test("records of signals too many are rejected, the rest of the batch is stored", async () => {
  await using fixture = await openFor({ maxSeriesPerKey: 3 });
  const send = fixture.as("192.0.2.1");
  await send(numbers("a", "power", "speed"));
  const stateChanges = [1, 2].map((i) => ({ time: at(epochUs + i), state: MachineState.IDLE }));
  const { verdicts, refusal } = await send({
    ...numbers("a", "power", "heat", "noise"),
    stateChanges,
  });
  expect(refusal).toBeUndefined();
  expect(verdicts.map(({ kind, column: at, count, reason }) => [kind, at, count, reason])).toEqual([
    [RecordKind.SAMPLE, 2, 1, QUOTA_EXCEEDED],
    [RecordKind.STATE_CHANGE, 0, 2, QUOTA_EXCEEDED],
  ]);
  const stored = await fixture.accessor.query("select signal from series order by signal");
  expect(stored.map(({ signal }) => signal)).toEqual(["heat", "power", "speed"]);
});

test("a new machine none of whose signals may be registered is refused as a whole", async () => {
  await using fixture = await openFor({ maxSeriesPerKey: 1 });
  const send = fixture.as("192.0.2.1");
  await send(numbers("a", "power"));
  expect((await send(numbers("b", "power"))).refusal?.message).toContain("series-per-key");
  expect(await fixture.accessor.query("select name from machine")).toEqual([{ name: "a" }]);
});

test("all together have a bound, which callers at once do not pass; this machine's own have no other", async () => {
  await using fixture = await openFor({ maxMachines: 5, maxMachinesPerKey: 1 });
  const { accessor } = fixture;
  const answers = await Promise.all(
    Array.from({ length: 12 }, (_, i) =>
      accessor.ingest.ingestBatch({
        producerId: `q${i}`,
        sequence: 1n,
        batch: numbers(`m${i}`, "power"),
      }),
    ),
  );
  expect(answers.filter(({ result }) => result?.refusal === undefined)).toHaveLength(5);
  expect(await accessor.query("select count(*)::int as n from machine")).toEqual([{ n: 5 }]);
  // What comes again is answered as before.
  const [again] = answers.flatMap(({ result }, i) => (result?.refusal ? [i] : []));
  const { result } = await accessor.ingest.ingestBatch({
    producerId: `q${again}`,
    sequence: 1n,
    batch: numbers(`m${again}`, "power"),
  });
  expect(result).toMatchObject({ duplicate: true, refusal: { reason: QUOTA_EXCEEDED } });
});

test("data of before has no owner, and counts in all", async () => {
  await using fixture = await openFor({ maxSeries: 2 });
  await fixture.accessor.query("insert into machine (name) values ('old')");
  await fixture.accessor.query(
    "insert into series (machine_id, signal, kind, unit) select id, 'power', 1, '' from machine",
  );
  await fixture.accessor.query("update registered set machines = 1, series = 2 where owner = ''");
  const send = fixture.as("192.0.2.1");
  expect((await send(numbers("old", "power"))).verdicts).toEqual([]);
  expect((await send(numbers("old", "speed"))).verdicts).toMatchObject([
    { reason: QUOTA_EXCEEDED },
  ]);
});

test("a rotated key goes on with what it has registered, and holds one share with the key of before", async () => {
  await using database = await testDatabase();
  await using keys = await openKeyFixture(database.url);
  const first = await keys.create({ scope: ["write"] });
  await using accessor = await openTestAccessor({
    databaseUrl: database.url,
    auth: {},
    maxMachinesPerKey: 2,
  });
  const send = async (key: string, machine: string) => {
    using clients = openClients(accessor.port, key);
    await eventually("the key is known", () =>
      clients.access.whoAmI({}).then(
        () => true,
        () => false,
      ),
    );
    return (
      await clients.ingest.ingestBatch({
        producerId: machine,
        sequence: 1n,
        batch: numbers(machine, "power"),
      })
    ).result!;
  };
  for (const machine of ["a", "b"]) expect((await send(first, machine)).refusal).toBeUndefined();
  await rotateCommand({ id: idOf(first), overlap: 60_000 }, keys.context);
  const second = keys.printed.at(-1)!;
  expect(await send(second, "c")).toMatchObject({ refusal: { reason: QUOTA_EXCEEDED } });
  const other = await keys.create({ scope: ["write"] });
  expect((await send(other, "d")).refusal).toBeUndefined();
  expect(
    await accessor.query("select owner, machines from registered where owner <> '' order by owner"),
  ).toEqual(
    [
      { owner: `key:${idOf(first)}`, machines: 2 },
      { owner: `key:${idOf(other)}`, machines: 1 },
    ].sort((a, b) => (a.owner < b.owner ? -1 : 1)),
  );
});

test("what was counted by key is counted by its owner after the upgrade", async () => {
  await using database = await testDatabase("empty");
  const log = createLog({ name: "test", level: "silent" });
  const migrations = readMigrations().filter(({ version }) => version < 20);
  await migrate(database.url, log, { migrations, functions: null });
  const query = (statement: string) => queryDatabase(database.url, statement);
  const key = (id: string, identity: string) =>
    query(`insert into api_key (id, name, digest, scopes, machines, producers, identity)
      values ('${id}', 'k', sha256('${id}'), '{write}', '{*}', '{*}', '${identity}')`);
  await key("aaaaaaaaaaaa", "aaaaaaaaaaaa");
  await key("bbbbbbbbbbbb", "aaaaaaaaaaaa");
  await query(`insert into registered (owner, machines, series) values
    ('key aaaaaaaaaaaa', 1, 2), ('key bbbbbbbbbbbb', 10, 20), ('key https://issuer#plant', 3, 4), ('key odd issuer#plant', 1, 1), ('address 192.0.2.1', 5, 6)`);
  await query("insert into machine (name, owner) values ('m', 'key bbbbbbbbbbbb')");
  await query(
    "insert into series (machine_id, signal, kind, unit, owner) select id, 'power', 1, '', owner from machine",
  );
  await migrate(database.url, log);
  expect(
    await query(
      "select owner, machines, series from registered where owner <> '' order by machines",
    ),
  ).toEqual([
    { owner: ownerOfSubject("odd issuer#plant"), machines: 1, series: 1 },
    { owner: ownerOfSubject("https://issuer#plant"), machines: 3, series: 4 },
    { owner: "address 192.0.2.1", machines: 5, series: 6 },
    { owner: "key:aaaaaaaaaaaa", machines: 11, series: 22 },
  ]);
  expect(
    await query(
      "select m.owner as machine, s.owner as series from machine m join series s on s.machine_id = m.id",
    ),
  ).toEqual([{ machine: "key:aaaaaaaaaaaa", series: "key:aaaaaaaaaaaa" }]);
});
