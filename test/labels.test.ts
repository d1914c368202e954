// Labels through the whole system: set over REST, by who may; answers from the gateway's cache are
// never of older labels; a key for some machines never sees or infers others; and SQL shows them.
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, expect, test } from "vitest";
import { MachineState } from "#gen/millrace/v1/signal_pb.ts";
import { openTestAccessor, queryDatabase } from "../accessor/testing/accessor.ts";
import { column } from "../accessor/testing/batches.ts";
import { openClients, openKeyFixture } from "../accessor/testing/keys.ts";
import { openCheckedGateway } from "../gateway/testing/gateway.ts";
import { createLog } from "../runtime/log.ts";
import { testDatabase } from "./testing/postgres.ts";

const log = createLog({ name: "test", level: "silent" });
const baseUs = Date.UTC(2026, 8, 1, 8) * 1000;
const machines = ["mill-1", "mill-2", "press-1", "press-2"];
const range = "from=2026-09-01T08:00Z&to=2026-09-01T08:01Z";

const stack = new AsyncDisposableStack();
let [baseUrl, databaseUrl] = ["", ""];
let keys: Record<"all" | "mills" | "reader", string>;

beforeAll(async () => {
  databaseUrl = stack.use(await testDatabase()).url;
  const fixture = stack.use(await openKeyFixture(databaseUrl, log));
  keys = {
    all: await fixture.create({ scope: ["admin"] }),
    mills: await fixture.create({ scope: ["admin"], machine: ["mill-*"] }),
    reader: await fixture.create({ scope: ["read", "live", "write"] }),
  };
  const accessor = stack.use(await openTestAccessor({ databaseUrl, auth: {} }));
  const accessorUrl = `http://127.0.0.1:${accessor.port}`;
  const gateway = stack.use(
    await openCheckedGateway({ host: "127.0.0.1", port: 0, accessorUrl, log }),
  );
  baseUrl = `http://127.0.0.1:${gateway.port}`;
  const { ingest } = stack.use(openClients(accessor.port, keys.all));
  for (const [i, machine] of machines.entries()) {
    const samples = [
      column(
        "power",
        [0, 1, 2].map((s) => [baseUs + s * 1e6, i]),
      ),
    ];
    const stateChanges = [{ time: timestampFromMs(baseUs / 1000), state: MachineState.ACTIVE }];
    const batch = { machine, samples, stateChanges };
    await ingest.ingestBatch({ producerId: "setup", sequence: BigInt(i + 1), batch });
  }
});
afterAll(() => stack.disposeAsync());

type Got = { status: number; etag: string; age: string | null; body: Record<string, unknown> };

async function ask(path: string, key: string, init: RequestInit = {}): Promise<Got> {
  const headers = { "x-api-key": key, "content-type": "application/json", ...init.headers };
  const response = await fetch(baseUrl + path, { ...init, headers });
  const text = await response.text();
  const { status, headers: got } = response;
  const body = (text === "" ? {} : JSON.parse(text)) as Got["body"];
  return { status, etag: got.get("etag") ?? "", age: got.get("age"), body };
}

const send = (method: string, machine: string, body: object, key = keys.all) =>
  ask(`/machines/${machine}`, key, { method, body: JSON.stringify(body) });

const paths = [
  `/signals/power?${range}&label=line:3`,
  `/signals/power/buckets?${range}&label=line:3`,
  `/signals/state/buckets?${range}&label=line:3`,
  `/signals/state/intervals?${range}&label=line:3`,
  `/machines/summary?${range}&label=line:3`,
];
const grouped = `/machines/summary?${range}&group_by_label=line`;

/** The machines that an answer names, once each. */
const namesIn = ({ body }: Got): string[] =>
  [...new Set(JSON.stringify(body).match(/(?:mill|press)-\d/g) ?? [])].sort();

/** Apart from the cursor, which names when it was made. */
const bare = ({ body }: Got) => ({ ...body, cursor: "" });

test("an answer by labels is never of older labels, cached or not, for any key", async () => {
  const line = new Map<string, string>();
  const changes: [string, string | null][] = [
    ["mill-1", "3"],
    ["press-1", "3"],
    ["press-1", "4"],
    // Back to what it was: answers from before must not come back with those from between.
    ["press-1", "3"],
    ["mill-2", "3"],
    ["mill-1", null],
  ];
  for (const [machine, value] of changes) {
    const { status, body } = await send("PATCH", machine, { labels: { line: value } });
    const labels = value === null ? {} : { line: value };
    expect([status, body]).toMatchObject([200, { name: machine, labels }]);
    if (value === null) line.delete(machine);
    else line.set(machine, value);
    for (const [key, covers] of [
      [keys.all, ""],
      [keys.mills, "mill-"],
    ] as const) {
      const wanted = machines.filter((one) => one.startsWith(covers) && line.get(one) === "3");
      for (const path of paths) {
        const first = await ask(path, key);
        expect([path, namesIn(first)]).toEqual([path, wanted]);
        const again = await ask(path, key);
        expect([path, again.age !== null]).toEqual([path, true]);
        expect(bare(again)).toEqual(bare(first));
        const held = await ask(path, key, { headers: { "if-none-match": first.etag } });
        expect([path, held.status]).toEqual([path, 304]);
      }
      const { groups } = (await ask(grouped, key)).body as {
        groups: { value?: string; machine_count: number }[];
      };
      const own = machines.filter((one) => one.startsWith(covers));
      const counts = Map.groupBy(own, (one) => line.get(one));
      expect(new Map(groups.map((one) => [one.value, one.machine_count]))).toEqual(
        new Map([...counts].map(([of, list]) => [of, list.length])),
      );
    }
  }
});

test("only an administrator of a machine describes it, and others learn nothing of it", async () => {
  const change = { labels: { secret: "yes" } };
  expect((await send("PATCH", "mill-1", change, keys.reader)).body).toMatchObject({
    status: 403,
    reason: "PERMISSION_DENIED",
  });
  const denied = await send("PUT", "press-1", change, keys.mills);
  const absent = await send("PUT", "press-9", change, keys.mills);
  expect([denied.status, absent.status]).toEqual([403, 403]);
  await send("PATCH", "press-2", { display_name: "Secret", ...change });
  const mills = async (path: string) => ask(path, keys.mills);
  expect((await mills("/machines/press-2")).body).toMatchObject({ reason: "MACHINE_UNKNOWN" });
  expect((await mills("/machines?label=secret:yes")).body).toEqual({
    machines: [],
    next_page_token: "",
  });
  const [hidden, none] = [
    await mills(`${paths[0]}&label=secret:yes`),
    await mills(`${paths[0]}&label=a:b`),
  ];
  expect(bare(hidden)).toEqual(bare(none));
  const list = await mills("/machines");
  expect(namesIn(list)).toEqual(["mill-1", "mill-2"]);
});

test("PUT replaces, and SQL and the list show what there is", async () => {
  await send("PUT", "mill-1", { display_name: "Mill 1", labels: { line: "3", hall: "north" } });
  await send("PUT", "mill-2", { labels: { line: "4" } });
  await send("PUT", "lathe-9", { display_name: "Not yet" });
  const { body } = await ask("/machines?label=hall:north", keys.all);
  expect(body["machines"]).toMatchObject([
    { name: "mill-1", display_name: "Mill 1", labels: { hall: "north", line: "3" } },
  ]);
  const rows = await queryDatabase(
    databaseUrl,
    `select machine, display_name, labels, first_seen_time is null as unseen
     from millrace_v1.machines where machine similar to '(mill|lathe)-%' order by 1`,
  );
  expect(rows).toEqual([
    { machine: "lathe-9", display_name: "Not yet", labels: {}, unseen: true },
    {
      machine: "mill-1",
      display_name: "Mill 1",
      labels: { line: "3", hall: "north" },
      unseen: false,
    },
    { machine: "mill-2", display_name: null, labels: { line: "4" }, unseen: false },
  ]);
  await send("PUT", "lathe-9", {});
  expect((await ask("/machines/lathe-9", keys.all)).status).toBe(404);
});
