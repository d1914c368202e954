// For tests: a sender of one sequence, the server that it talks to, and batches that can be told
// apart.
import { create } from "@bufbuild/protobuf";
import { onTestFinished } from "vitest";
import { type Batch, BatchSchema } from "#gen/millrace/v1/signal_pb.ts";
import { createGrpcTransport } from "../../runtime/grpc/transport.ts";
import { createLog } from "../../runtime/log.ts";
import { createMemoryOutbox } from "../outbox/outbox.ts";
import { SequenceSender } from "../send/sequence-sender.ts";
import { type Hooks, openIngestStub } from "./ingest-stub.ts";

export const { signal: abort } = new AbortController();

/** A batch that can be told from all others. */
export function batchOf(n: number, values = [n, n + 0.5]): Batch {
  const times = { case: "grid" as const, value: { startUs: BigInt(n), periodUs: 10_000n } };
  return create(BatchSchema, {
    machine: "mill-1",
    samples: [{ signal: "power", unit: "W", times, values }],
  });
}
export const firstValues = (batches: readonly Batch[]) =>
  batches.map(({ samples }) => samples[0]!.values[0]);
export const range = (n: number) => Array.from({ length: n }, (_, i) => i + 1);

type Given = {
  port: number;
  maxBytes?: number;
  producerId?: string;
  onSleep?: (ms: number) => Promise<void> | void;
};
export function openTestSender({ port, maxBytes = 1 << 20, producerId = "p-1", onSleep }: Given) {
  const transport = createGrpcTransport({ baseUrl: `http://127.0.0.1:${port}` });
  const lines: string[] = [];
  const sender = new SequenceSender({
    transport,
    producerId,
    outbox: createMemoryOutbox({ maxBytes }),
    log: createLog({
      name: "test",
      format: "pretty",
      color: false,
      sink: (line) => lines.push(line),
    }),
    // Between attempts, waits only for the event loop, which the connection needs.
    sleep: async (ms) => {
      await onSleep?.(ms);
      await new Promise(setImmediate);
    },
  });
  onTestFinished(async () => {
    await sender[Symbol.asyncDispose]();
    transport[Symbol.dispose]();
  });
  return { sender, lines };
}

export async function openPair(hooks: Hooks = {}, given: Partial<Given> = {}) {
  const stub = await openIngestStub(hooks);
  onTestFinished(() => stub[Symbol.asyncDispose]());
  return { stub, ...openTestSender({ port: stub.port, ...given }) };
}

export async function appendAll(sender: SequenceSender, n: number, first = 1): Promise<void> {
  for (let i = first; i < first + n; i++) await sender.append(batchOf(i), { abort });
}
