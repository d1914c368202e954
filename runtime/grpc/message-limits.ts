// Limits on the cost of one message: bytes on the wire, bytes once decompressed, and the estimated
// memory of its decoded form.
import type { DescField, DescMessage, DescMethod } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";

/** The largest message to send to any client: the default limit of every gRPC client. */
export const maxSentBytes = 4 * 1024 * 1024;

export type MessageLimits = {
  /** Largest message that is accepted, as it is on the wire. */
  maxBytes: number;
  /** Largest compressed message that is accepted, once it is decompressed. Default maxBytes. */
  maxDecompressedBytes?: number;
  /** Most memory of the decoded message, by the estimate of message-cost.ts. */
  maxCostBytes: number;
  /** The same for each byte of the message. */
  maxCostPerByte: number;
  /** Memory that any message may take, however small it is. Default 16 KiB. */
  freeCostBytes?: number;
};

export type CostLimits = Pick<MessageLimits, "maxCostBytes" | "maxCostPerByte" | "freeCostBytes">;

/** Memory that a message of this many bytes may take. */
export function maxCostOf(byteLength: number, limits: CostLimits): number {
  const { maxCostBytes, maxCostPerByte, freeCostBytes = 16 * 1024 } = limits;
  return Math.min(maxCostBytes, Math.max(freeCostBytes, maxCostPerByte * byteLength));
}

/**
 * Which bound was exceeded: on the message as it arrived, decompressed, or decoded (by estimate),
 * or on how deeply its parts are nested.
 */
export type Limit = keyof typeof words;

const words = {
  bytes: (max: number) => `has more than ${max} bytes`,
  "decompressed-bytes": (max: number) => `has more than ${max} bytes when decompressed`,
  "decoded-bytes": (max: number) => `would take more than ${max} bytes of memory when decoded`,
  depth: (max: number) => `is nested deeper than ${max}`,
};

/** A message that exceeds a limit, which is found before it is decoded. */
export class MessageTooLarge extends ConnectError {
  readonly limit: Limit;
  readonly max: number;

  /**
   * The check that it would inherit from ConnectError accepts every ConnectError as an instance.
   */
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

/** For a request without lists: a name, a token, a number or two. */
const tiny: MessageLimits = { maxBytes: 2 * kib, maxCostBytes: 64 * kib, maxCostPerByte: 32 };
/** For a request with lists: a thousand names of machines take 132 KiB. */
const question: MessageLimits = {
  maxBytes: 256 * kib,
  maxCostBytes: 4 * kib * kib,
  maxCostPerByte: 32,
};

/**
 * Limits of a method's requests, from the fields of their message: 2 KiB without a list, 256 KiB
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
 * Limits of a server's answers: more than our servers send. An answer of another or a broken server
 * then only fails its call.
 */
export function answerLimits(maxBytes: number): MessageLimits {
  return { maxBytes, maxCostBytes: 256 * kib * kib, maxCostPerByte: 64 };
}
