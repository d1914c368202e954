// Producers' ids and sequence numbers: which are valid, and the answer to a batch once its number
// is decided.
import { create, fromBinary } from "@bufbuild/protobuf";
import { type BatchResult, BatchResultSchema } from "#gen/millrace/v1/ingest_service_pb.ts";
import { isGatewayProducer } from "../../access/principal.ts";
import { Failure } from "../domain/failure.ts";
import type { Decision, ProducerLimits, Sender } from "../store/ingest.ts";
import { producerPattern } from "./name-patterns.ts";
import type { Submission } from "./prepared.ts";

export type Decided = { revision: number; result: BatchResult; plain: boolean };

/**
 * Most numbers that a hello may skip: more than any producer ever lost, and few enough that numbers
 * never run out.
 */
const maxJump = 2 ** 32;

/**
 * The sender of a hello. Fails with PRODUCER_ID_INVALID, also for ids that the gateway assigns:
 * each of those numbers a single request.
 */
export function toHelloSender(producer: string, owner: string | undefined): Sender {
  assertId(producer);
  if (isGatewayProducer(producer)) {
    throw new Failure(
      "PRODUCER_ID_INVALID",
      `producer id ${JSON.stringify(producer)} begins with "rest:" or "http:", which only single batches may use: choose another`,
      { metadata: { producer_id: producer } },
    );
  }
  return { producer, owner, ackedSequence: undefined };
}

/**
 * The sender of a single batch. An id that the gateway assigns is stored with its owner after a
 * slash, which no id contains: the same Idempotency-Key of two principals is two producers, and no
 * caller can use another's. Fails with PRODUCER_ID_INVALID.
 */
export function toBatchSender(producer: string, owner: string | undefined): Sender {
  assertId(producer);
  const isScoped = owner !== undefined && isGatewayProducer(producer);
  return {
    producer: isScoped ? `${producer}/${owner}` : producer,
    owner,
    ackedSequence: undefined,
  };
}

/** The id that the client knows. */
export const shownProducer = ({ producer }: Sender): string => producer.split("/", 1)[0]!;

function assertId(producer: string): void {
  if (producerPattern.test(producer)) return;
  throw new Failure(
    "PRODUCER_ID_INVALID",
    `producer id ${JSON.stringify(producer.slice(0, 80))} does not match [A-Za-z0-9][A-Za-z0-9._:-]{0,127}`,
    { metadata: { producer_id: producer.slice(0, 200) } },
  );
}

/** Fails with SEQUENCE_GAP if it cannot be the number of a batch. */
export function toSequence(producer: string, sequence: bigint): number {
  if (sequence <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(sequence);
  throw new Failure(
    "SEQUENCE_GAP",
    `sequence ${sequence} is not below 2^53: sequences start at 1 and increase by 1`,
    {
      metadata: { producer_id: producer, sequence: String(sequence) },
    },
  );
}

/**
 * Fails with SEQUENCE_GAP if a hello claims acks so far beyond what is stored that no loss explains
 * it.
 */
export function assertJump(
  producer: string,
  lost: { first: number; last: number } | undefined,
): void {
  if (lost === undefined || lost.last - lost.first < maxJump) return;
  const text = `producer ${producer} claims acks through ${lost.last}, but the next sequence here is ${lost.first}`;
  throw new Failure("SEQUENCE_GAP", `${text}: at most 2^32 sequences can be skipped as lost`, {
    metadata: {
      producer_id: producer,
      sequence: String(lost.last),
      expected_sequence: String(lost.first),
    },
  });
}

export function foreign(sender: Sender): Failure {
  const producer = shownProducer(sender);
  return new Failure(
    "PERMISSION_DENIED",
    `producer ${producer} belongs to another key or token: choose another id, or have an administrator move it (npx millrace producers move)`,
    { metadata: { producer_id: producer } },
  );
}

/** The answer to a decided batch. Fails for one that was not accepted. */
export function toDecided(
  { prepared: { sequence, warnings, dropped }, ...sender }: Submission,
  { outcome, revision, result: encoded, expected }: Decision,
  { maxProducers }: ProducerLimits,
): Decided {
  // For nearly every batch this is the whole answer.
  if (outcome === "stored" && encoded === null && warnings.length === 0 && dropped === 0)
    return {
      revision,
      result: create(BatchResultSchema, { sequence: BigInt(sequence) }),
      plain: true,
    };
  if (outcome === "foreign") throw foreign(sender);
  const producer = shownProducer(sender);
  const metadata = { producer_id: producer, sequence: String(sequence) };
  if (outcome === "quota") {
    const message = `${producer} is a new producer, but the limit of ${maxProducers} is reached`;
    throw new Failure(
      "QUOTA_EXCEEDED",
      `${message}: use a known id, or have the operator raise --max-producers`,
      {
        metadata: { producer_id: producer, limit: "producers", max: String(maxProducers) },
      },
    );
  }
  // next: the batch was not the next one when it was checked, and has become so since. If it is
  // sent again, it is accepted.
  if (outcome === "gap" || outcome === "next") {
    const message = `producer ${producer} sent sequence ${sequence}, but ${expected} is expected next`;
    throw new Failure("SEQUENCE_GAP", message, {
      metadata: { ...metadata, expected_sequence: String(expected) },
    });
  }
  if (outcome === "conflict") {
    const message = `sequence ${sequence} of producer ${producer} is already stored with other content; nothing was written`;
    throw new Failure("SEQUENCE_CONFLICT", message, { metadata });
  }
  const duplicate = outcome === "duplicate";
  const result =
    encoded === null
      ? create(BatchResultSchema, { sequence: BigInt(sequence), duplicate })
      : { ...fromBinary(BatchResultSchema, encoded, { readUnknownFields: false }), duplicate };
  if (outcome === "stored" || outcome === "decided") {
    result.warnings = [...warnings];
    result.droppedDuplicates = dropped;
  }
  return { revision, result, plain: false };
}
