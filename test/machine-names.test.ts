// Machine names as plants use them, through the real accessor and gateway: rows in, and out of
// every path, list, file, feed and view.
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { hostileNames, plantNames } from "../codec/testing/machine-names.ts";
import { testDatabase } from "./testing/postgres.ts";
import { startAccessor, startGateway } from "./testing/processes.ts";

const stack = new AsyncDisposableStack();
let url = "";
let sql: pg.Client;
const time = "2026-03-01T08:00:00Z";
const range = "from=2026-03-01T08:00:00Z&to=2026-03-01T08:00:10Z";

beforeAll(async () => {
  const database = stack.use(await testDatabase());
  const accessor = stack.use(await startAccessor(database.url));
  url = stack.use(await startGateway(accessor.url)).url;
  sql = new pg.Client({ connectionString: database.url });
  await sql.connect();
  stack.defer(() => sql.end());
  const rows = plantNames.map((machine, value) => ({
    machine,
    signal: "power",
    time,
    value,
    unit: "W",
  }));
  const [json, lines, csv] = [0, 1, 2].map((of) => rows.filter((_, i) => i % 3 === of));
  const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
  const bodies = [
    ["application/json", JSON.stringify({ signals: json })],
    ["application/x-ndjson", lines!.map((row) => `${JSON.stringify(row)}\n`).join("")],
    [
      "text/csv",
      `machine,signal,time,value,unit\n${csv!.map((row) => Object.values(row).map(String).map(quoted)).join("\n")}\n`,
    ],
  ];
  for (const [type, body] of bodies) {
    const answer = await fetch(`${url}/signals`, {
      method: "POST",
      headers: { "content-type": type! },
      body: body!,
    });
    expect(await answer.json()).toMatchObject({ rejected: 0 });
  }
});
afterAll(() => stack.disposeAsync());

const ask = async (path: string, init?: RequestInit) => {
  const answer = await fetch(url + path, init);
  return { status: answer.status, headers: answer.headers, text: await answer.text() };
};
const json = async (path: string, init?: RequestInit) => JSON.parse((await ask(path, init)).text);
const escaped = (name: string) => encodeURIComponent(name.replace(/[\\,]/g, "\\$&"));
const sorted = [...plantNames].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));

test.each(plantNames)(
  "%j is found by path, list, file and SQL, in whatever form it is written",
  async (name) => {
    for (const form of [name, name.normalize("NFD")]) {
      expect(await json(`/machines/${encodeURIComponent(form)}/summary?${range}`)).toMatchObject({
        machine: name,
      });
      const rows = await json(`/signals/power?machine=${escaped(form)}&limit=1`);
      expect(rows.signals).toMatchObject([{ machine: name, value: plantNames.indexOf(name) }]);
      const inSql =
        "select machine from millrace_v1.samples('power', '-infinity', 'infinity', array[$1::text])";
      expect((await sql.query(inSql, [form])).rows).toEqual([{ machine: name }]);
    }
    const file = await ask(`/signals/power?format=csv&machine=${escaped(name)}`);
    const cell = /[",]/.test(name) ? `"${name.replaceAll('"', '""')}"` : name;
    const [, line] = file.text.split("\n");
    expect(line!.startsWith(`${cell},power,${time},${plantNames.indexOf(name)},W,`)).toBe(true);
    expect(file.headers.get("content-disposition")).toMatch(
      /^attachment; filename="[\w.,-]+\.csv"(; filename\*=UTF-8''[\w.,%-]+)?$/,
    );
  },
);

test("lists and pages are in one order, the same in SQL", async () => {
  expect(
    (await json("/machines?limit=1000")).machines.map(({ name }: { name: string }) => name),
  ).toEqual(sorted);
  const paged: string[] = [];
  for (
    let path: string | undefined =
      `/signals/power/latest?limit=4&machine=${sorted.map(escaped).join(",")}`;
    path;
  ) {
    const { text, headers } = await ask(path);
    paged.push(...JSON.parse(text).signals.map(({ machine }: { machine: string }) => machine));
    path = /^<([^>]+)>; rel="next"$/.exec(headers.get("link") ?? "")?.[1];
  }
  expect(paged).toEqual(sorted);
  const { rows } = await sql.query(
    'select machine from millrace_v1.machines order by machine collate "C"',
  );
  expect(rows.map(({ machine }) => machine)).toEqual(sorted);
  const buckets = await json(`/signals/power/buckets?${range}&points=1`);
  expect(buckets.series.map(({ machine }: { machine: string }) => machine)).toEqual(sorted);
});

test("repeated parameters and lists with commas mean the same", async () => {
  const found = async (query: string) =>
    (await json(`/signals/power/latest?${query}`)).signals.map(
      ({ machine }: { machine: string }) => machine,
    );
  const both = ["Presse 3, links", "a\\b"];
  expect(await found("machine=Presse+3%5C,+links&machine=a%5Cb")).toEqual(both);
  expect(
    await found(new URLSearchParams({ machine: "Presse 3\\, links,a\\\\b" }).toString()),
  ).toEqual(both);
  expect(await found("machine=A%2BB,mill-7")).toEqual(["A+B", "mill-7"]);
  const split = await json("/signals/power/latest?machine=Presse%203,%20links");
  expect(split).toMatchObject({
    status: 400,
    reason: "MACHINE_NAME_INVALID",
    detail: expect.stringContaining("written \\,"),
  });
});

test("a feed of a name shows its rows", async () => {
  const stop = new AbortController();
  const name = "Halle 3 / Presse 7";
  const feed = await fetch(`${url}/signals/power/live?machine=${encodeURIComponent(name)}`, {
    signal: stop.signal,
  });
  let told = "";
  let sent = false;
  for await (const piece of feed.body!.pipeThrough(new TextDecoderStream())) {
    told += piece;
    const body = JSON.stringify({
      signals: [{ machine: name, signal: "power", time: "now", value: 5 }],
    });
    const init = { method: "POST", headers: { "content-type": "application/json" }, body };
    if (!sent) expect(await json("/signals", init)).toMatchObject({ accepted: 1 });
    sent = true;
    if (told.includes('"value":5')) break;
  }
  stop.abort();
  expect(told).toContain(`{"machine":${JSON.stringify(name)},"signal":"power"`);
});

test.each(hostileNames)("%s is refused by path, list and each kind of body", async (why, name) => {
  const written = encodeURIComponent(name);
  // A client resolves paths of dots, and an empty name is another path.
  if (!["empty", "a dot", "two dots"].includes(why))
    expect(await json(`/machines/${written}/summary?from=-1h`)).toMatchObject({
      status: 400,
      reason: "MACHINE_NAME_INVALID",
    });
  if (name !== "") {
    const listed = await json(`/signals/power?machine=mill-7,${written}`);
    expect(listed).toMatchObject({
      status: 400,
      reason: "MACHINE_NAME_INVALID",
      detail: expect.stringContaining("machine"),
    });
    expect(listed.detail).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
  }
  const row = { machine: name, signal: "power", time, value: 1 };
  const post = (type: string, body: string) =>
    json("/signals", { method: "POST", headers: { "content-type": type }, body });
  const told = [
    await post("application/json", JSON.stringify({ signals: [row] })),
    await post("application/x-ndjson", `${JSON.stringify(row)}\n`),
    await post(
      "application/json",
      JSON.stringify({ machine: name, state_changes: [{ time, state: "MACHINE_STATE_IDLE" }] }),
    ),
  ];
  for (const answer of told) {
    expect(answer).toMatchObject({ status: 422 });
    expect(JSON.stringify(answer)).toContain("MACHINE_NAME_INVALID");
  }
});

test("half a surrogate pair, bytes that are not UTF-8, and a name of 10 MB are refused", async () => {
  const post = (body: string | Uint8Array<ArrayBuffer>, type = "application/json") =>
    json("/signals", { method: "POST", headers: { "content-type": type }, body });
  for (const machine of ['"a\\ud800b"', `"${"ä".repeat(100_000)}"`]) {
    const row = `{"machine":${machine},"signal":"power","time":"${time}","value":1}`;
    for (const answer of [
      await post(`{"signals":[${row}]}`),
      await post(`${row}\n`, "application/x-ndjson"),
    ]) {
      expect(answer).toMatchObject({ status: 422 });
      expect(JSON.stringify(answer)).toContain("MACHINE_NAME_INVALID");
    }
    const columns = `{"machine":${machine},"state_changes":[{"time":"${time}","state":"MACHINE_STATE_IDLE"}]}`;
    // A string that is not valid Unicode is not valid in protobuf's JSON, in any field.
    expect(await post(columns)).toMatchObject({
      reason: expect.stringMatching(/^(MACHINE_NAME|REQUEST)_INVALID$/),
      detail: expect.stringContaining("machine"),
    });
  }
  const latin1 = Uint8Array.from(
    Buffer.from(`machine,signal,time,value\nFr\xe4se,power,${time},1\n`, "latin1"),
  );
  expect((await post(latin1, "text/csv")).detail).toContain("not UTF-8");
  const huge = `{"machine":"${"a".repeat(10_000_000)}","signal":"power","time":"${time}","value":1}\n`;
  expect((await post(huge, "application/x-ndjson")).status).toBeGreaterThanOrEqual(400);
  expect(await json("/machines/%E4/summary")).toMatchObject({ status: 400 });
  expect(await json(`/machines/${"a".repeat(5_000)}/summary?from=-1h`)).toMatchObject({
    status: 400,
    reason: "MACHINE_NAME_INVALID",
  });
});
