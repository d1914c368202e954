// Takes the messages of a connection: reads each, stores its records and its dead letter, and
// acknowledges it when the disk has both.
import type { Delivery, Reading, Skipped } from "../mapping/delivery.ts";
import type { RecordStore } from "../store/record-store.ts";
import type { Ack } from "./ack-queue.ts";
import type { MessageLetters } from "./dead-letters.ts";
import { Redeliveries } from "./redeliveries.ts";

export type Message = {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: number;
  readonly messageId?: number | undefined;
  readonly retain: boolean;
  readonly dup: boolean;
};

export type IntakeOptions = {
  read(delivery: Delivery): Reading;
  store: Pick<RecordStore, "add">;
  letters: Pick<MessageLetters, "write">;
  /** Microseconds since 1970, never twice the same. */
  receiveUs(): number;
  /** Messages that the broker sends unacknowledged. */
  inFlight: number;
  publish(topic: string, payload: Uint8Array): void;
  /** Called with the topic of a message that is left out. */
  onSkipped?(topic: string, why: Skipped): void;
  /** Bounds on what waits for the disk. Default 10,000 messages, 64 MiB and 200,000 records. */
  maxWaiting?: number;
  maxWaitingBytes?: number;
  maxWaitingRecords?: number;
};

export type Intake = {
  readonly counts: Readonly<IntakeCounts>;
  /** Takes a message; `room` resolves when the next one may come. */
  take(message: Message, ack: Ack): { room?: Promise<void> | undefined };
  /** The broker has begun another session. */
  newSession(): void;
};

export type IntakeCounts = {
  messages: number;
  records: number;
  deadLetters: number;
  /** Sent again by the broker, and stored before. */
  redelivered: number;
  retained: number;
  unmapped: number;
};

export function createIntake(options: IntakeOptions): Intake {
  const {
    maxWaiting = 10_000,
    maxWaitingBytes = 64 * 2 ** 20,
    maxWaitingRecords = 200_000,
  } = options;
  const known = new Redeliveries(Math.max(1_000, 2 * options.inFlight));
  const counts: IntakeCounts = {
    messages: 0,
    records: 0,
    deadLetters: 0,
    redelivered: 0,
    retained: 0,
    unmapped: 0,
  };
  let waiting = 0;
  let waitingBytes = 0;
  let waitingRecords = 0;
  let room: PromiseWithResolvers<void> | undefined;

  const isFull = () =>
    waiting >= maxWaiting || waitingBytes >= maxWaitingBytes || waitingRecords >= maxWaitingRecords;

  function handle(message: Message): Promise<void> {
    const { topic, payload, messageId: id, dup: redelivered, retain: retained } = message;
    const stored =
      id === undefined ? undefined : known.find({ id, topic, payload }, { redelivered });
    if (stored !== undefined) {
      counts.redelivered++;
      return stored;
    }
    const receivedUs = options.receiveUs();
    const reading = options.read({ topic, payload, retained, redelivered, receivedUs });
    const done = keep({ topic, payload, receivedUs }, reading);
    if (id !== undefined) known.add({ id, topic, payload }, done);
    for (const answer of reading.answers) options.publish(answer.topic, answer.payload);
    return done;
  }

  async function keep(
    message: { topic: string; payload: Uint8Array; receivedUs: number },
    { records, faults, skipped }: Reading,
  ): Promise<void> {
    counts.records += records.length;
    if (skipped !== undefined) {
      counts[skipped]++;
      options.onSkipped?.(message.topic, skipped);
    }
    if (faults.length > 0) counts.deadLetters++;
    waitingRecords += records.length;
    await Promise.all([
      records.length > 0 ? options.store.add(records) : undefined,
      faults.length > 0 ? options.letters.write({ ...message, faults }) : undefined,
    ]);
    waitingRecords -= records.length;
  }

  return {
    counts,
    take(message, ack) {
      counts.messages++;
      waiting++;
      waitingBytes += message.payload.length;
      void handle(message).then(() => {
        waiting--;
        waitingBytes -= message.payload.length;
        ack(() => known.acked(message.messageId ?? 0));
        if (isFull()) return;
        room?.resolve();
        room = undefined;
      });
      if (!isFull()) return {};
      room ??= Promise.withResolvers();
      return { room: room.promise };
    },
    newSession: () => known.clear(),
  };
}

/**
 * Microseconds since 1970 by the system's clock, which tells milliseconds: messages of one
 * millisecond get one microsecond after the other. It follows a clock that is set back by a second
 * or more.
 */
export function createReceiveClock(nowMs: () => number = Date.now): () => number {
  let lastUs = 0;
  return () => {
    const nowUs = Math.floor(nowMs() * 1000);
    lastUs = nowUs > lastUs || nowUs < lastUs - 1e6 ? nowUs : lastUs + 1;
    return lastUs;
  };
}
