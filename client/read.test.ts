// Ranges as columns: packed and plain give the same arrays, bit for bit what was sent;
// docs/client.md's example runs.
import { readFileSync } from "node:fs";
import { createClient, createRouterTransport } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { IngestService } from "#gen/millrace/v1/ingest_service_pb.ts";
import { SignalService } from "#gen/millrace/v1/signal_service_pb.ts";
import { toSamples } from "../codec/wire/samples.ts";
import { createGrpcTransport } from "../runtime/grpc/transport.ts";
import { eventually } from "../test/testing/eventually.ts";
import { testDatabase } from "../test/testing/postgres.ts";
import { startAccessor, startProgram } from "../test/testing/processes.ts";
import { signalCodecs } from "./codecs.ts";
import { ColumnMemory, readColumns, readRange } from "./read.ts";

const startUs = 1_767_571_200_000_000;

async function send(
  url: string,
  machine: string,
  values: Float64Array,
  sequence: number,
): Promise<string> {
  using transport = createGrpcTransport({ baseUrl: url, codecs: signalCodecs });
  const ingest = createClient(IngestService, transport);
  const timesUs = Float64Array.from(values, (_, i) => startUs + i * 10_000);
  const samples = [
    toSamples({ signal: "power", unit: "W", maxGapUs: undefined }, { timesUs, values }),
  ];
  const { cursor } = await ingest.ingestBatch({
    producerId: machine,
    sequence: BigInt(sequence),
    batch: {
      machine,
      samples,
      stateChanges: [{ time: { seconds: 1_767_571_200n }, state: 1, reason: "start" }],
    },
  });
  return cursor;
}

test("a range comes back bit for bit, packed or plain, cut at its edges", async () => {
  await using database = await testDatabase();
  await using accessor = await startAccessor(database.url);
  const values = Float64Array.from({ length: 20_000 }, (_, i) =>
    i === 7 ? -0 : i === 8 ? 5e-324 : Math.sin(i) * 1e3,
  );
  const minCursor = await send(accessor.url, "m1", values, 1);
  using transport = createGrpcTransport({ baseUrl: accessor.url, codecs: signalCodecs });
  const client = createClient(SignalService, transport);
  const { signal: abort } = new AbortController();
  for (const format of ["blocks", "columns"] as const) {
    const { series, cursor } = await readColumns({ client, minCursor, format, abort });
    expect(series).toHaveLength(1);
    expect(series[0]).toMatchObject({ machine: "m1", signal: "power", unit: "W" });
    expect(Buffer.from(series[0]!.column.values.buffer).equals(Buffer.from(values.buffer))).toBe(
      true,
    );
    expect(cursor).toBe(minCursor);
    const memory = new ColumnMemory();
    let [count, wrong] = [0, 0];
    for await (const { columns } of readRange({ client, minCursor, format, memory, abort })) {
      for (const { column } of columns) {
        const kept = values.subarray(count, count + column.values.length);
        for (let i = 0; i < kept.length; i++)
          if (
            !Object.is(kept[i], column.values[i]) ||
            column.timesUs[i] !== startUs + (count + i) * 10_000
          )
            wrong++;
        count += kept.length;
        // The same memory for each slice.
        expect(column.values.buffer).toBe(memory.take(1).values.buffer);
      }
    }
    expect([count, wrong]).toEqual([20_000, 0]);
    const range = { fromUs: startUs + 10_000, toUs: startUs + 40_000 };
    const cut = await readColumns({
      client,
      ...range,
      machines: ["m1"],
      signals: ["power"],
      format,
      abort,
    });
    expect([...cut.series[0]!.column.timesUs]).toEqual([1, 2, 3].map((i) => startUs + i * 10_000));
  }
  const states: string[] = [];
  for await (const { stateChanges } of readRange({ client, signals: ["state"], abort }))
    states.push(
      ...stateChanges.map(({ machine, record }) => `${machine} ${record.state} ${record.reason}`),
    );
  expect(states).toEqual(["m1 1 start"]);
});

test.each(["left early", "read to its end"])(
  "a read that was %s has ended its call, and listens no more",
  async (how) => {
    let served: AbortSignal | undefined;
    const transport = createRouterTransport(({ service }) => {
      service(SignalService, {
        async *readSignals(_request, { signal: abort }) {
          served = abort;
          for (let i = 0; i < 3; i++) yield { cursor: String(i) };
        },
      });
    });
    const stop = new AbortController();
    let listeners = 0;
    const { addEventListener, removeEventListener } = stop.signal;
    Object.assign(stop.signal, {
      addEventListener: (...args: Parameters<typeof addEventListener>) => {
        listeners++;
        addEventListener.apply(stop.signal, args);
      },
      removeEventListener: (...args: Parameters<typeof removeEventListener>) => {
        listeners--;
        removeEventListener.apply(stop.signal, args);
      },
    });
    const client = createClient(SignalService, transport);
    for await (const { cursor } of readRange({ client, abort: stop.signal }))
      if (how === "left early" || cursor === "2") break;
    expect(listeners).toBe(0);
    await eventually("the server's signal is aborted", () => served?.aborted === true);
  },
);

test("a read ends with the abort signal's reason", async () => {
  using transport = createGrpcTransport({ baseUrl: "http://127.0.0.1:1" });
  const client = createClient(SignalService, transport);
  await expect(
    readColumns({ client, abort: AbortSignal.abort(new Error("enough")) }),
  ).rejects.toThrow("enough");
});

test("a read that was called off before it began asks nobody for more", async () => {
  let sent = 0;
  const transport = createRouterTransport(({ service }) => {
    service(SignalService, {
      async *readSignals() {
        for (; sent < 100; sent++) yield { cursor: String(sent) };
      },
    });
  });
  const client = createClient(SignalService, transport);
  const abort = AbortSignal.abort(new Error("enough"));
  await expect(readColumns({ client, abort })).rejects.toThrow("enough");
  expect(sent).toBeLessThan(100);
});

test("the example of docs/client.md runs as it stands", async () => {
  await using database = await testDatabase();
  await using accessor = await startAccessor(database.url);
  await send(accessor.url, "press-7", Float64Array.of(1, 2, 3), 1);
  const example = readFileSync(new URL("example.ts", import.meta.url), "utf8");
  const page = readFileSync(new URL("../docs/client.md", import.meta.url), "utf8");
  expect(page).toContain(`\`\`\`ts\n${example}\`\`\``);
  await using program = startProgram("client/example.ts", [accessor.url]);
  await eventually("it has read the past", () => program.lines.length > 0);
  await send(accessor.url, "press-7", Float64Array.of(4, 5), 2);
  expect(await program.ended).toBe(0);
  expect(program.lines).toEqual([
    "read 3 samples of press-7, mean 2 W",
    "live 2 samples of press-7",
  ]);
});
