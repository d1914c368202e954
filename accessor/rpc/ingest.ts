// IngestService: reads batches while earlier ones are being decided, and acknowledges in order.
import { create } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import {
  AckSchema,
  type BatchResult,
  type IngestRequest,
  type IngestResponse,
  IngestResponseSchema,
  type IngestService,
  type Welcome,
  WelcomeSchema,
} from "#gen/millrace/v1/ingest_service_pb.ts";
import { failpoint } from "../../runtime/failpoint.ts";
import { receivedBytes } from "../../runtime/grpc/received.ts";
import { assertProducer, ownerOf, permitsOf } from "../access/caller.ts";
import { shareHolderKey } from "../access/share-holder.ts";
import type { CursorFormat, Position } from "../domain/cursor.ts";
import { Failure } from "../domain/failure.ts";
import type { Intake, Limits } from "../ingest/intake.ts";
import { toBatchSender, toHelloSender } from "../ingest/sequences.ts";
import { UndecidedBatches } from "../ingest/undecided.ts";
import type { Catalog } from "../store/catalog.ts";
import type { Sender } from "../store/ingest.ts";
import { ingestInOrder } from "./ingest-in-order.ts";
import { redeclareSignal } from "./redeclare.ts";

export type IngestServiceOptions = {
  intake: Intake;
  catalog: Catalog;
  cursors: CursorFormat;
  /** Batches of one stream that may be undecided at once. */
  maxUndecided: number;
};

export function createIngestService(
  options: IngestServiceOptions,
): ServiceImpl<typeof IngestService> {
  const { intake, catalog, cursors } = options;
  const cursorOf = (position: Position) => {
    intake.assertHolds(position);
    return cursors.encode(position.revision);
  };
  return {
    async *ingest(requests, context) {
      const { signal: abort } = context;
      const iterator = requests[Symbol.asyncIterator]();
      const first: IngestRequest | undefined = (await iterator.next()).value;
      if (first?.message.case !== "hello")
        throw new Failure("HELLO_REQUIRED", "the first message of a stream must be a hello");
      const { producerId: producer, lastAckedSequence } = first.message.value;
      assertProducer(context, producer);
      const permits = permitsOf(context);
      const holder = context.values.get(shareHolderKey);
      const opened = await intake.open(
        toHelloSender(producer, ownerOf(context)),
        lastAckedSequence,
      );
      failpoint("ingest.before-welcome");
      yield create(IngestResponseSchema, {
        message: { case: "welcome", value: toWelcome(opened, intake.limits) },
      });
      const undecided = new UndecidedBatches(options.maxUndecided);
      const { sender, epoch } = opened;
      const reading = readBatches(iterator, {
        sender,
        epoch,
        undecided,
        intake,
        permits,
        holder,
        abort,
      });
      yield* acknowledge(undecided, (revision) => cursorOf({ epoch, revision }));
      await reading;
    },

    async ingestBatch(request, context) {
      const { signal: abort } = context;
      const { producerId: producer, sequence, batch } = request;
      assertProducer(context, producer);
      const permits = permitsOf(context);
      const holder = context.values.get(shareHolderKey);
      const sender = toBatchSender(producer, ownerOf(context));
      const byteLength = receivedBytes(request);
      using _inFlight = await intake.admit(batch, byteLength, {
        abort,
        holder,
        maxWaitMs: maxBatchWaitMs,
      });
      const { epoch } = intake;
      const numbered = { sequence, batch, byteLength, sender, permits, epoch, holder };
      const prepared = await intake.prepare(numbered);
      const { result, revision } = await intake.decide({ ...sender, prepared, epoch, holder });
      return { result, cursor: cursorOf({ epoch, revision }) };
    },

    ingestBatches(request, context) {
      const { producerId, sequence, batches } = request;
      assertProducer(context, producerId);
      const holder = context.values.get(shareHolderKey);
      const permits = permitsOf(context);
      const sender = toBatchSender(producerId, ownerOf(context));
      const caller = { sender, permits, holder, abort: context.signal, maxWaitMs: maxBatchWaitMs };
      const sizes = { totalBytes: receivedBytes(request) };
      return ingestInOrder({ first: sequence, batches, ...sizes }, { intake, ...caller }).then(
        ({ results, position }) => ({ results, cursor: cursorOf(position) }),
      );
    },

    redeclareSignal(request, context) {
      return redeclareSignal(request, { catalog, permits: permitsOf(context) });
    },
  };
}

type Opened = Awaited<ReturnType<Intake["open"]>>;

function toWelcome(
  { lastSequence, lost }: Opened,
  { maxBatchBytes, maxBatchRecords }: Limits,
): Welcome {
  const range =
    lost === undefined ? undefined : { first: BigInt(lost.first), last: BigInt(lost.last) };
  const init = { lastSequence: BigInt(lastSequence), maxBatchBytes, maxBatchRecords };
  return create(WelcomeSchema, range === undefined ? init : { ...init, lost: range });
}

type Reading = {
  sender: Sender;
  /** The epoch in which the stream was opened. */
  epoch: number;
  undecided: UndecidedBatches;
  intake: Intake;
  permits: ((machine: string) => boolean) | undefined;
  /** The holder of the share that it uses. */
  holder: string;
  abort: AbortSignal;
};

/** Takes batches until the client half-closes; passes a failure to the acknowledging side. */
async function readBatches(
  requests: AsyncIterator<IngestRequest>,
  { sender, epoch, undecided, intake, permits, holder, abort }: Reading,
): Promise<void> {
  try {
    for (;;) {
      const { done, value } = await requests.next();
      if (done) return undecided.end();
      if (value.message.case === undefined)
        throw new Failure("REQUEST_INVALID", "the message has no batch");
      if (value.message.case !== "batch")
        throw new Failure("HELLO_REQUIRED", "only the first message of a stream is a hello");
      const { sequence, batch } = value.message.value;
      const byteLength = receivedBytes(value);
      using stack = new DisposableStack();
      stack.use(await intake.admit(batch, byteLength, { abort, holder }));
      const numbered = { sequence, batch, byteLength, sender, permits, epoch, holder };
      const prepared = await intake.prepare(numbered);
      const decided = intake.decide({ ...sender, prepared, epoch, holder });
      // The batch stays in flight until it is decided; the next one is read meanwhile.
      const inFlight = stack.move();
      const released = decided.finally(() => inFlight.dispose());
      await undecided.add(sequence, released, abort);
    }
  } catch (error) {
    undecided.fail(error);
  }
}

/** Yields an Ack for each run of decided batches. */
async function* acknowledge(
  undecided: UndecidedBatches,
  cursorOf: (revision: number) => string,
): AsyncGenerator<IngestResponse, void, undefined> {
  let revision = 0;
  for await (const run of undecided.decided()) {
    let results: BatchResult[] = [];
    let bytes = 0;
    let last: bigint | undefined;
    for (const { sequence, decided } of run) {
      const own = decided.plain ? 0 : resultBytes(decided.result);
      // Each result may have a verdict for every record.
      if (results.length > 0 && bytes + own > maxAckBytes) {
        yield toAck(last!, cursorOf(revision), results);
        [results, bytes] = [[], 0];
      }
      revision = Math.max(revision, decided.revision);
      last = sequence;
      if (decided.plain) continue;
      results.push(decided.result);
      bytes += own;
    }
    yield toAck(last!, cursorOf(revision), results);
  }
}

// A stream waits, and its client with it; a single batch has a deadline, and gets a time to retry.
const maxBatchWaitMs = 10_000;
const maxAckBytes = 1024 * 1024;

function toAck(sequence: bigint, cursor: string, results: BatchResult[]): IngestResponse {
  failpoint("ingest.before-ack");
  return create(IngestResponseSchema, {
    message: { case: "ack", value: create(AckSchema, { sequence, cursor, results }) },
  });
}

/** An upper bound. */
function resultBytes({ verdicts, warnings, refusal }: BatchResult): number {
  let bytes = 100 + 3 * (refusal?.message.length ?? 0);
  for (const { message } of [...verdicts, ...warnings]) bytes += 50 + 3 * message.length;
  return bytes;
}
