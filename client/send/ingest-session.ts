// One stream of batches, from hello to its end: sends what the outbox holds, takes welcome and
// acks. Does not reconnect.
import { create } from "@bufbuild/protobuf";
import { type Client, Code, ConnectError } from "@connectrpc/connect";
import {
  type Ack,
  type IngestRequest,
  IngestRequestSchema,
  type IngestService,
  type Welcome,
} from "#gen/millrace/v1/ingest_service_pb.ts";
import { asEncoded } from "../../runtime/grpc/definition.ts";
import type { Entry, Outbox } from "../outbox/outbox.ts";

export type SessionOptions = {
  client: Client<typeof IngestService>;
  producerId: string;
  outbox: Outbox;
  /** Ends the session at once. */
  abort: AbortSignal;
  /** Throws if the welcome does not fit this producer. Returns the sequence to go on with. */
  onWelcome(welcome: Welcome): number;
  onAck(ack: Ack): Promise<void>;
  /** Waits until it is a batch's turn to be sent. */
  turn?: ((entry: Entry, abort: AbortSignal) => Promise<void>) | undefined;
  /** Called when a batch is about to be sent. */
  onSend(sequence: number): void;
};

/**
 * Runs until the server has ended the stream. The session half-closes when the outbox is closed and
 * everything in it is sent; a server may also end the stream earlier, which is not an error here.
 * The session also half-closes before a missing batch, because only a new hello can tell the server
 * to continue after the gap. Returns whether it stopped at such a gap. Throws what broke the
 * stream.
 */
export async function runSession(options: SessionOptions): Promise<{ atGap: boolean }> {
  const { client, outbox, abort, onWelcome, onAck } = options;
  // Wakes the sending half when the receiving half is over, for whatever reason.
  const over = new AbortController();
  const end = () => over.abort(abort.reason);
  abort.addEventListener("abort", end, { once: true });
  if (abort.aborted) end();
  const { promise: start, resolve: setStart } = Promise.withResolvers<number | undefined>();
  let welcomed = false;
  let atGap = false;
  const onGap = () => {
    atGap = true;
  };
  const sending = requests({ ...options, onGap }, start, over.signal);
  try {
    for await (const { message } of client.ingest(sending, { signal: over.signal })) {
      if (message.case === "welcome" && !welcomed) {
        welcomed = true;
        setStart(onWelcome(message.value));
      } else if (message.case === "ack" && welcomed) {
        if (message.value.sequence > outbox.lastSequence)
          throw broken("an ack for a batch that was never sent");
        await onAck(message.value);
      } else throw broken(`"${message.case}" out of turn`);
    }
    return { atGap };
  } finally {
    abort.removeEventListener("abort", end);
    setStart(undefined);
    over.abort();
  }
}

async function* requests(
  { producerId, outbox, turn, onSend, onGap }: SessionOptions & { onGap(): void },
  start: Promise<number | undefined>,
  abort: AbortSignal,
): AsyncGenerator<IngestRequest, void, undefined> {
  const hello = { producerId, lastAckedSequence: BigInt(outbox.ackedSequence) };
  yield create(IngestRequestSchema, { message: { case: "hello", value: hello } });
  const first = await start;
  if (first === undefined) return;
  for (let sequence = first; ; sequence++) {
    const entry = await outbox.read(sequence, { abort });
    if (entry === undefined && sequence <= outbox.lastSequence) onGap();
    if (entry === undefined || abort.aborted) return;
    await turn?.(entry, abort);
    if (abort.aborted) return;
    onSend(sequence);
    yield asEncoded(IngestRequestSchema, entry.bytes);
  }
}

function broken(what: string): ConnectError {
  return new ConnectError(`the server broke the contract: ${what}`, Code.Internal);
}
