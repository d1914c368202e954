// Batches for tests, and ingest streams: what a producer sends and receives.
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { Client } from "@connectrpc/connect";
import {
  type Ack,
  type IngestRequest,
  IngestRequestSchema,
  type IngestService,
  type Welcome,
} from "#gen/millrace/v1/ingest_service_pb.ts";
import type { BatchSchema, SamplesSchema } from "#gen/millrace/v1/signal_pb.ts";

export type BatchInit = MessageInitShape<typeof BatchSchema>;
export type SamplesInit = MessageInitShape<typeof SamplesSchema>;

/** 2026-01-05T00:00:00Z: a time in the past, valid for every batch. */
export const epochUs = 1_767_571_200_000_000;

export const at = (timeUs: number) => ({
  seconds: BigInt(Math.floor(timeUs / 1e6)),
  nanos: (timeUs - Math.floor(timeUs / 1e6) * 1e6) * 1000,
});

/** A column with the given times, as deltas. */
export function column(
  signal: string,
  samples: readonly (readonly [timeUs: number, value: number])[],
) {
  const deltaUs = samples.map(([timeUs], i) => BigInt(timeUs - (samples[i - 1]?.[0] ?? 0)));
  return {
    signal,
    times: { case: "deltas" as const, value: { deltaUs } },
    values: samples.map(([, value]) => value),
  };
}

/** A column on a grid of 100 Hz. */
export function grid(signal: string, startUs: number, values: number[]) {
  return {
    signal,
    times: { case: "grid" as const, value: { startUs: BigInt(startUs), periodUs: 10_000n } },
    values,
  };
}

/** One value of one signal; a higher number gives a later time. */
export function oneSample(number: number, { machine = "m1", signal = "power" } = {}) {
  return { machine, samples: [column(signal, [[epochUs + number * 1000, number]])] };
}

/** An ingest stream as its producer sees it. */
export class Producer implements AsyncDisposable {
  readonly #queue: IngestRequest[] = [];
  #wake = () => {};
  #ended = false;
  #acked = 0n;
  readonly #responses: AsyncIterator<{ message: { case?: string | undefined; value?: unknown } }>;
  welcome!: Welcome;

  private constructor(client: Client<typeof IngestService>, abort?: AbortSignal) {
    this.#responses = client
      .ingest(this.#requests(), abort ? { signal: abort } : {})
      [Symbol.asyncIterator]();
  }

  /** Sends Hello and waits for Welcome. */
  static async open(
    client: Client<typeof IngestService>,
    producerId: string,
    { lastAckedSequence = 0n, abort }: { lastAckedSequence?: bigint; abort?: AbortSignal } = {},
  ): Promise<Producer> {
    const producer = new Producer(client, abort);
    producer.push({ message: { case: "hello", value: { producerId, lastAckedSequence } } });
    const { value } = await producer.#responses.next();
    producer.welcome = value.message.value as Welcome;
    return producer;
  }

  push(request: MessageInitShape<typeof IngestRequestSchema>): void {
    this.#queue.push(create(IngestRequestSchema, request));
    this.#wake();
  }

  send(sequence: number | bigint, batch: BatchInit): void {
    this.push({ message: { case: "batch", value: { sequence: BigInt(sequence), batch } } });
  }

  /** Half-closes: no more batches. */
  end(): void {
    this.#ended = true;
    this.#wake();
  }

  /** The next Ack, undefined at the end of the stream; fails as the stream does. */
  async ack(): Promise<Ack | undefined> {
    const { done, value } = await this.#responses.next();
    if (done) return undefined;
    const ack = value.message.value as Ack;
    this.#acked = ack.sequence;
    return ack;
  }

  /** The following Acks, up to and including a sequence. */
  async acksThrough(sequence: number): Promise<Ack[]> {
    const acks: Ack[] = [];
    while (this.#acked < BigInt(sequence)) {
      const ack = await this.ack();
      if (ack === undefined)
        throw new Error(`the stream ended before ${sequence} was acknowledged`);
      acks.push(ack);
    }
    return acks;
  }

  async *#requests(): AsyncGenerator<IngestRequest> {
    for (;;) {
      const next = this.#queue.shift();
      if (next !== undefined) yield next;
      else if (this.#ended) return;
      else
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.end();
    await this.#responses.return?.();
  }
}
