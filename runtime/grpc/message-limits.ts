// What one message may cost: bytes on the wire, bytes once decompressed, and what its decoded form
// takes in memory, by estimate.
import type { DescField, DescMessage, DescMethod } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";

/**
 * The largest message that anybody is sent: what every gRPC client takes unless it is told
 * otherwise.
 */
export const maxSentBytes = 4 * 1024 * 1024;

export type MessageLimits = {
  /** Largest message taken, as it lies on the wire. */
  maxBytes: number;
  /** Largest message taken that came compressed, once it is decompressed. Default maxBytes. */
  maxDecompressedBytes?: number;
  /** What the decoded message may take in memory, by the estimate of message-cost.ts. */
  maxCostBytes: number;
  /** The same for each byte of the message. */
  maxCostPerByte: number;
  /** What a message may take however small it is. Default 16 KiB. */
  freeCostBytes?: number;
};

export type CostLimits = Pick<MessageLimits, "maxCostBytes" | "maxCostPerByte" | "freeCostBytes">;

/** What a message of so many bytes may take. */
export function maxCostOf(byteLength: number, bounds: CostLimits): number {
  const { maxCostBytes, maxCostPerByte, freeCostBytes = 16 * 1024 } = bounds;
  return Math.min(maxCostBytes, Math.max(freeCostBytes, maxCostPerByte * byteLength));
}

/**
 * Which bound: of the message as it came, decompressed, decoded (by estimate), or of how deep its
 * parts lie in each other.
 */
export type Limit = keyof typeof words;

const words = {
  bytes: (max: number) => `has more than ${max} bytes`,
  "decompressed-bytes": (max: number) => `has more than ${max} bytes when decompressed`,
  "decoded-bytes": (max: number) => `would take more than ${max} bytes of memory when decoded`,
  depth: (max: number) => `is nested deeper than ${max}`,
};

/** A message that costs more than it may. Found before it is decoded. */
export class MessageTooLarge extends ConnectError {
  readonly limit: Limit;
  readonly max: number;

  /** ConnectError's own, which a class inherits, takes every ConnectError for an instance. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return Object.prototype.isPrototypeOf.call(MessageTooLarge.prototype, Object(value));
  }

  constructor(limit: Limit, max: number) {
    super(`the message ${words[limit](max)}: send less at once`, Code.ResourceExhausted);
    this.limit = limit;
    this.max = max;
  }
}

const kib = 1024;

export function limitsBySize(maxBytes: number): MessageLimits {
  return { maxBytes, maxCostBytes: 32 * maxBytes, maxCostPerByte: 32 };
}

/** Of a request without any list: a name, a token, a number or two. */
const tiny: MessageLimits = { maxBytes: 2 * kib, maxCostBytes: 64 * kib, maxCostPerByte: 32 };
/** Of one with lists: a thousand names of machines take 132 KiB. */
const question: MessageLimits = {
  maxBytes: 256 * kib,
  maxCostBytes: 4 * kib * kib,
  maxCostPerByte: 32,
};

/**
 * What a request of a method may be, from what its message can hold: 2 KiB without a list, 256 KiB
 * with one.
 */
export function requestLimits({ input }: DescMethod): MessageLimits {
  return hasList(input, new Set()) ? question : tiny;
}

function hasList(message: DescMessage, seen: Set<DescMessage>): boolean {
  if (seen.has(message)) return true;
  const inner = new Set(seen).add(message);
  return message.fields.some(
    (field: DescField) =>
      field.fieldKind === "list" ||
      field.fieldKind === "map" ||
      (field.fieldKind === "message" && hasList(field.message, inner)),
  );
}

/**
 * What an answer of a server may be: more than ours send, so that one that is not ours, or broken,
 * ends its call and no more.
 */
export function answerLimits(maxBytes: number): MessageLimits {
  return { maxBytes, maxCostBytes: 256 * kib * kib, maxCostPerByte: 64 };
}
