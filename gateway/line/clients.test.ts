// Requests as the programs send them that write to InfluxDB: what is stored of them, and the
// answers that these programs act on.
import { gzipSync, zstdCompressSync } from "node:zlib";
import { create } from "@bufbuild/protobuf";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ErrorReason } from "#gen/millrace/v1/error_reason_pb.ts";
import {
  BatchResultSchema,
  type IngestBatchRequest,
  RecordKind,
} from "#gen/millrace/v1/ingest_service_pb.ts";
import { Duplicates, MachineStateSchema, SeveritySchema } from "#gen/millrace/v1/signal_pb.ts";
import { toWord } from "../../codec/row/enum-words.ts";
import { timesOf } from "../../codec/wire/samples.ts";
import { readSettings } from "../../runtime/config.ts";
import { takeEverything } from "../testing/accessor.ts";
import { openTestGateway, type TestGateway } from "../testing/gateway.ts";
import { type LineMapping, lineSettings, toLineMapping } from "./line-settings.ts";

let gateway: TestGateway;
const taken: IngestBatchRequest[] = [];
const nowMs = 1_767_571_200_000;

async function open(mapping?: LineMapping): Promise<void> {
  gateway = await openTestGateway({
    now: () => nowMs,
    ...(mapping === undefined ? {} : { lineMapping: mapping }),
  });
  gateway.accessor.ingest = takeEverything(taken);
}

const mappingOf = (...argv: string[]): LineMapping =>
  toLineMapping(readSettings({ name: "gateway", about: "", settings: lineSettings }, argv, {}));

beforeEach(async () => {
  taken.length = 0;
  await open();
});
afterEach(() => gateway[Symbol.asyncDispose]());

type Sent = { status: number; text: string; headers: Headers };
async function send(
  path: string,
  body: string | Uint8Array,
  headers: Record<string, string> = {},
): Promise<Sent> {
  const response = await fetch(gateway.baseUrl + path, {
    method: "POST",
    headers,
    body: body as string,
  });
  return { status: response.status, text: await response.text(), headers: response.headers };
}

/** Everything stored: machine, signal, time in microseconds, value. */
const stored = () =>
  taken.flatMap(({ batch }) => {
    const { machine, samples, stateChanges, errorReports } = batch!;
    return [
      ...samples.flatMap((column) =>
        [...timesOf(column)].map((timeUs, i) => [machine, column.signal, timeUs, column.values[i]]),
      ),
      ...stateChanges.map(({ time, state, reason }) => [
        machine,
        Number(time!.seconds),
        toWord(MachineStateSchema, state),
        reason,
      ]),
      ...errorReports.map(({ time, severity, code, message }) => [
        machine,
        Number(time!.seconds),
        toWord(SeveritySchema, severity),
        code,
        message,
      ]),
    ];
  });

const telegraf = {
  "user-agent": "Telegraf/1.36.2 Go/1.25.1",
  authorization: "Token mr_abc",
  "content-type": "text/plain; charset=utf-8",
  "content-encoding": "gzip",
  "accept-encoding": "gzip",
};

test("Telegraf, output influxdb_v2: gzip, a token, tags that it adds to each metric", async () => {
  const body = gzipSync(
    [
      "cpu,cpu=cpu0,host=press-4 usage_idle=97.8,usage_user=1.25 1767571190000000000",
      "opcua,host=edge-1,id=ns\\=2;s\\=Temp,machine=Press\\ 4 value=61.5 1767571191000000000",
      "modbus,host=edge-1,machine=Press\\ 4,name=drive running=true,Torque.Nm=12i 1767571191500000000",
      "",
    ].join("\n"),
  );
  const { status, text } = await send("/api/v2/write?bucket=plant&org=works", body, telegraf);
  expect([status, text]).toEqual([204, ""]);
  expect(stored()).toEqual([
    ["press-4", "cpu_usage_idle_cpu0", 1767571190000000, 97.8],
    ["press-4", "cpu_usage_user_cpu0", 1767571190000000, 1.25],
    ["Press 4", "opcua_ns_2_s_temp", 1767571191000000, 61.5],
    ["Press 4", "modbus_running_drive", 1767571191500000, 1],
    ["Press 4", "modbus_torque_nm_drive", 1767571191500000, 12],
  ]);
  for (const { producerId, batch } of taken) {
    expect(producerId).toMatch(/^rest:/);
    expect(batch!.eventDuplicates).toBe(Duplicates.DROP);
    for (const { duplicates } of batch!.samples) expect(duplicates).toBe(Duplicates.DROP);
  }
});

test("Telegraf, output influxdb: creates its database, then writes with Basic and any precision", async () => {
  const form = { "content-type": "application/x-www-form-urlencoded" };
  const created = await send("/query", 'q=CREATE+DATABASE+"telegraf"', form);
  expect([created.status, created.text]).toEqual([200, '{"results":[{"statement_id":0}]}']);
  const basic = `Basic ${Buffer.from("telegraf:mr_abc").toString("base64")}`;
  const { status } = await send(
    "/write?consistency=any&db=telegraf",
    gzipSync("mem,host=saw-2 used_percent=12.5 1767571190000000000\n"),
    { ...telegraf, authorization: basic },
  );
  expect(status).toBe(204);
  expect(stored()).toEqual([["saw-2", "mem_used_percent", 1767571190000000, 12.5]]);
  const ping = await fetch(`${gateway.baseUrl}/ping`);
  expect([ping.status, ping.headers.get("x-influxdb-version")]).toEqual([204, "1.8.0-millrace"]);
});

test("the Collector's influxdb exporter: a gauge with its attributes as tags", async () => {
  const body =
    "oven_temperature,host.name=oven-1,machine=oven-1,otel.scope.name=plc,unit=Cel gauge=181.5 1767571190123456789\n";
  const { status } = await send("/api/v2/write?bucket=b&org=o&precision=ns", body, {
    authorization: "Token mr_abc",
    "user-agent": "OpenTelemetry Collector",
  });
  expect(status).toBe(204);
  expect(stored()).toEqual([
    ["oven-1", "oven_temperature_gauge_oven_1_plc_cel", 1767571190123456, 181.5],
  ]);
});

test("curl, as the documents of InfluxDB show it: no media type of lines, seconds, no time at all", async () => {
  const form = { "content-type": "application/x-www-form-urlencoded" };
  const one = await send(
    "/api/v2/write?org=O&bucket=B&precision=s",
    "\nairSensors,machine=TLM0201 temperature=73.97,humidity=35.23,co=0.48 1767571190\nairSensors,machine=TLM0202 temperature=75.30\n",
    form,
  );
  expect(one.status).toBe(204);
  expect(stored()).toEqual([
    ["TLM0201", "airsensors_temperature", 1767571190000000, 73.97],
    ["TLM0201", "airsensors_humidity", 1767571190000000, 35.23],
    ["TLM0201", "airsensors_co", 1767571190000000, 0.48],
    ["TLM0202", "airsensors_temperature", nowMs * 1000, 75.3],
  ]);
  expect((await send("/write?db=d", "", form)).status).toBe(204);
  const zstd = { "content-encoding": "zstd" };
  expect((await send("/write?db=d", zstdCompressSync("m,machine=a v=1 1\n"), zstd)).status).toBe(
    204,
  );
});

test("a mapping: units, names with tags, states by their words, errors with severity and code, and what to leave out", async () => {
  await gateway[Symbol.asyncDispose]();
  await open(
    mappingOf(
      "--line-machine-tag=asset",
      "--line-ignore-tag=site",
      "--line-map=meter.p=power[kW]",
      "--line-map=cpu.*=cpu_{cpu}",
      "--line-map=plc.mode=state",
      "--line-map=plc.alarm=error:WARNING",
      "--line-map=*.uptime_format=-",
      "--line-state=läuft=ACTIVE",
      "--line-state=2=FAULT",
    ),
  );
  const body = [
    "meter,asset=saw-1,site=north p=1.5 1767571190000000000",
    "cpu,asset=saw-1,cpu=c0 idle=97 1767571190000000000",
    'plc,asset=saw-1,site=north mode="läuft" 1767571190000000000',
    "plc,asset=saw-1 mode=2i 1767571191000000000",
    'plc,asset=saw-1 mode="idle" 1767571192000000000',
    'plc,asset=saw-1,code=E7,severity=crit alarm="Door open" 1767571193000000000',
    'system,asset=saw-1 uptime_format="3 days" 1767571194000000000',
    "oil,asset=saw-1,site=north value=40 1767571190000000000",
    "",
  ].join("\n");
  expect((await send("/api/v2/write", body)).status).toBe(204);
  expect(stored()).toEqual([
    ["saw-1", "power", 1767571190000000, 1.5],
    ["saw-1", "cpu_c0", 1767571190000000, 97],
    ["saw-1", "oil", 1767571190000000, 40],
    ["saw-1", 1767571190, "ACTIVE", "läuft"],
    ["saw-1", 1767571191, "FAULT", "2"],
    ["saw-1", 1767571192, "IDLE", ""],
    ["saw-1", 1767571193, "CRITICAL", "E7", "Door open"],
  ]);
  expect(taken[0]!.batch!.samples.map(({ unit }) => unit)).toEqual(["kW", "", ""]);
});

test("what is refused is named by its lines, once the rest is stored; the status tells what kind it is", async () => {
  gateway.accessor.ingest = {
    ...takeEverything(taken),
    ingestBatches({ batches, sequence }) {
      const results = batches.map((_, i) =>
        create(BatchResultSchema, {
          sequence: sequence + BigInt(i),
          ...(i === 0
            ? {
                verdicts: [
                  {
                    kind: RecordKind.SAMPLE,
                    column: 0,
                    first: 1,
                    count: 1,
                    reason: ErrorReason.TIME_TOO_OLD,
                    message: "too old",
                  },
                ],
              }
            : { refusal: { reason: ErrorReason.PERMISSION_DENIED, message: "not yours" } }),
        }),
      );
      return { results, cursor: "c" };
    },
  };
  const body = 'm,machine=a v=1 1\nm,machine=a v=2 2\nm,machine=b v=3 3\nm,machine=a s="x" 4\n';
  const refused = await send("/api/v2/write", body);
  expect(refused.status).toBe(422);
  expect(JSON.parse(refused.text)).toMatchObject({
    code: "unprocessable entity",
    accepted: 1,
    rejected: 3,
    lines: [2, 3, 4],
    message: expect.stringMatching(
      /^partial write: line 4: field "s" is a text: .*line 2: too old; line 3: not yours/,
    ),
  });
  const unreadable = await send("/api/v2/write", `${body}nothing\n`);
  expect(unreadable.status).toBe(400);
  expect(JSON.parse(unreadable.text)).toMatchObject({ code: "invalid", lines: [2, 3, 4, 5] });
  // Version 1 has one status, and looks for the words.
  const first = await send("/write?db=d", body);
  expect(first.status).toBe(400);
  expect(JSON.parse(first.text).error).toMatch(/^partial write: .*dropped=3/);
  expect(first.headers.get("x-influxdb-error")).toMatch(/^partial write/);
  expect(JSON.parse((await send("/write?db=d", "x\n")).text).error).toMatch(
    /^unable to parse: line 1/,
  );
});
