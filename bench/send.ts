// The producer of a bench run: the real sender in a process of its own, fed from data that is
// prepared before the clock starts.
import { randomBytes } from "node:crypto";
import { setImmediate, setTimeout } from "node:timers/promises";
import type { Batch } from "#gen/millrace/v1/signal_pb.ts";
import { createMemoryOutbox } from "../client/outbox/outbox.ts";
import { SequenceSender } from "../client/send/sequence-sender.ts";
import { toSamples } from "../codec/wire/samples.ts";
import { createGrpcTransport, type GrpcTransport } from "../runtime/grpc/transport.ts";
import { createLog } from "../runtime/log.ts";
import { createSource, type DataSet, maxGapUs, type Piece, periodUs } from "./data.ts";
import { serveCommands } from "./role.ts";

/** The data to send: in slices of time, with a batch for each machine in each slice. */
export type Load = {
  set: DataSet;
  machines: readonly string[];
  fromUs: number;
  toUs: number;
  sliceUs: number;
};

type Prepared = { machine: number; piece: Piece };

let sender: SequenceSender;
let transport: GrpcTransport;
let prepared: Prepared[] = [];
const never = new AbortController().signal;

await serveCommands(
  {
    connect({ url }: { url: string }) {
      transport = createGrpcTransport({ baseUrl: url });
      sender = new SequenceSender({
        transport,
        producerId: `bench-${randomBytes(6).toString("hex")}`,
        outbox: createMemoryOutbox({ maxBytes: 64 * 2 ** 20 }),
        log: createLog({ name: "send", level: "warn" }),
      });
    },

    prepare(load: Load) {
      prepared = [...slices(load)];
      return prepared.reduce((sum, { piece }) => sum + piece.values.length, 0);
    },

    /**
     * Sends the prepared data, as machines of these names. Returns the milliseconds until all of it
     * is acknowledged.
     */
    async send({ machines }: { machines: readonly string[] }) {
      const from = performance.now();
      for (const { machine, piece } of prepared) await append(toBatch(machines[machine]!, piece));
      await sender.flush({ abort: never });
      return performance.now() - from;
    },

    /** Sends data of any length, made while it is sent. */
    async fill(load: Load) {
      let samples = 0;
      for (const { machine, piece } of slices(load)) {
        await append(toBatch(load.machines[machine]!, piece));
        samples += piece.values.length;
      }
      await sender.flush({ abort: never });
      return samples;
    },

    /**
     * Sends at 100 Hz for some seconds, a batch for each machine every intervalMs: spread over the
     * interval, as independent machines do, or all at once. Each batch ends with a sample taken at
     * the moment of its sending.
     */
    async live({
      machines,
      seconds,
      intervalMs,
      atOnce,
    }: {
      machines: readonly string[];
      seconds: number;
      intervalMs: number;
      atOnce: boolean;
    }) {
      const count = (intervalMs * 1000) / periodUs;
      const rounds = Math.round((seconds * 1000) / intervalMs);
      const from = performance.now();
      for (let round = 1; round <= rounds; round++) {
        for (const [i, machine] of machines.entries()) {
          const dueMs = from + (round + (atOnce ? 0 : i / machines.length)) * intervalMs;
          const early = dueMs - performance.now();
          if (early > 0) await setTimeout(early);
          const startUs = nowUs() - (count - 1) * periodUs;
          const values = Array.from(
            { length: count },
            (_, k) => 5000 + ((round * 7 + k) % 100) / 10,
          );
          await append(toBatch(machine, { startUs, values }));
        }
      }
      await sender.flush({ abort: never });
      return rounds * machines.length;
    },
  },
  async () => {
    await sender.close({ abort: never });
    transport[Symbol.dispose]();
  },
);

function nowUs(): number {
  return Math.round((performance.timeOrigin + performance.now()) * 1000);
}

async function append(batch: Batch): Promise<void> {
  await sender.append(batch, { abort: never });
  // As in the producer: without a pause, nothing is written before the outbox is full.
  await setImmediate();
}

function* slices({
  set,
  machines,
  fromUs,
  toUs,
  sliceUs,
}: Load): Generator<Prepared, void, undefined> {
  const sources = machines.map((machine) => createSource(set, machine));
  for (let at = fromUs; at < toUs; at += sliceUs) {
    for (const [machine, source] of sources.entries())
      yield { machine, piece: source(at, Math.min(toUs, at + sliceUs)) };
  }
}

function toBatch(machine: string, { startUs, timesUs, values }: Piece): Batch {
  const declaration = { signal: "power", unit: "W", maxGapUs };
  const samples =
    timesUs === undefined
      ? {
          ...toSamples(declaration, { timesUs: new Float64Array(0), values: new Float64Array(0) }),
          times: {
            case: "grid" as const,
            value: {
              $typeName: "millrace.v1.Grid" as const,
              startUs: BigInt(startUs),
              periodUs: BigInt(periodUs),
            },
          },
          values: values as number[],
        }
      : toSamples(declaration, { timesUs, values: Float64Array.from(values) });
  return {
    $typeName: "millrace.v1.Batch",
    machine,
    stateChanges: [],
    errorReports: [],
    samples: [samples],
    eventDuplicates: 0,
  };
}
