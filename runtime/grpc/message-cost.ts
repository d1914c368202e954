// What a protobuf message would take in memory, counted over its bytes before any object is made of
// them. protobuf-es decodes 2 bytes to an object of 200; so wire bytes alone bound nothing.
import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { type CostLimits, MessageTooLarge, maxCostOf } from "./message-limits.ts";

/** A field of an unknown number is not kept, but skipping it takes the time of some 64 bytes. */
const unknownCost = 64;
/** More of them than two for each record of the largest batch are no newer client's. */
const maxCheapUnknowns = 131_072;
const furtherUnknownCost = 512;
const fieldCost = 8;
/** A field that stands in a message again, which no encoder writes, replaces what was there. */
const repeatedCost = 64;
/**
 * Numbers of a list that come in one field of bytes, as encoders write them: the time to read it.
 */
const packedCost = 64;
/** Encoders write two for a record at most; a million of them, all empty, would take 60 ms. */
const maxCheapPacked = 131_072;
const furtherPackedCost = 512;
/** A number of a list that comes alone, as encoders do not write it. */
const unpackedCost = 112;
const textCost = 32;
/** A bigint and its place in an array, and a number's place. */
const bigintCost = 32;
const numberCost = 16;
const maxDepth = 32;

const wire = { varint: 0, fixed64: 1, length: 2, start: 3, end: 4, fixed32: 5 } as const;

type Plan = { cost: number; fields: Map<number, FieldPlan> };
type FieldPlan = {
  /** Wire type of one value. */
  type: number;
  /** Whether values may come together in one field of bytes. */
  packable: boolean;
  /** Whether a message has it once at most. */
  singular: boolean;
  cost: number;
  /** Cost of each byte in it: of texts. */
  perByte: number;
  message: (() => Plan) | undefined;
};

/**
 * Fails with MessageTooLarge if the message would cost more than it may, and with another error if
 * it is not valid protobuf for its type. Stops as soon as that is known. Answers the estimate.
 */
export function assertCost(desc: DescMessage, bytes: Uint8Array, bounds: CostLimits): number {
  const scan = new Scan(bytes, maxCostOf(bytes.length, bounds));
  scan.message(planOf(desc), 0, bytes.length, 1);
  return scan.cost;
}

const malformed = () => new Error("not valid protobuf");

class Scan {
  readonly #bytes: Uint8Array;
  readonly #maxCost: number;
  #at = 0;
  #unknowns = 0;
  #packeds = 0;
  cost = 0;

  constructor(bytes: Uint8Array, maxCost: number) {
    this.#bytes = bytes;
    this.#maxCost = maxCost;
  }

  message(plan: Plan, from: number, to: number, depth: number): void {
    if (depth > maxDepth) throw malformed();
    this.#add(plan.cost);
    this.#at = from;
    let singular = 0;
    while (this.#at < to) {
      const tag = this.#uint32(to);
      const field = plan.fields.get(tag >>> 3);
      const type = tag & 7;
      if (tag >>> 3 === 0) throw malformed();
      if (field?.singular && ++singular > plan.fields.size) this.#add(repeatedCost);
      if (field === undefined) {
        this.#addUnknown();
        this.#skip(type, tag >>> 3, to, depth);
      } else if (type === wire.length && (field.type === wire.length || field.packable)) {
        const end = this.#range(to);
        if (field.message !== undefined) this.message(field.message(), this.#at, end, depth + 1);
        else if (field.type === wire.length)
          this.#add(field.cost + field.perByte * (end - this.#at));
        else {
          this.#add(++this.#packeds > maxCheapPacked ? furtherPackedCost : packedCost);
          this.#packed(field, end);
        }
        this.#at = end;
      } else {
        // protobuf-es would read it as if it were of the right type.
        if (type !== field.type) throw malformed();
        this.#add(field.cost + (field.packable ? unpackedCost : 0));
        this.#skip(type, tag >>> 3, to, depth);
      }
    }
  }

  #packed({ type, cost }: FieldPlan, end: number): void {
    const length = end - this.#at;
    if (type !== wire.varint) {
      const size = type === wire.fixed64 ? 8 : 4;
      if (length % size !== 0) throw malformed();
      this.#add(cost * (length / size));
      return;
    }
    // A varint ends with the byte that is below 128.
    const bytes = this.#bytes;
    const room = (this.#maxCost - this.cost) / cost;
    let count = 0;
    for (let i = this.#at; i < end && count <= room; i++) if (bytes[i]! < 128) count++;
    if (length > 0 && bytes[end - 1]! > 127) throw malformed();
    this.#add(cost * count);
  }

  #add(cost: number): void {
    this.cost += cost;
    if (this.cost > this.#maxCost) throw new MessageTooLarge("decoded-bytes", this.#maxCost);
  }

  #addUnknown(): void {
    this.#add(++this.#unknowns > maxCheapUnknowns ? furtherUnknownCost : unknownCost);
  }

  #skip(type: number, fieldNumber: number, to: number, depth: number): void {
    if (type === wire.varint) {
      const from = this.#at;
      while (this.#byte(to) > 127) if (this.#at - from >= 10) throw malformed();
    } else if (type === wire.fixed64) this.#advance(8, to);
    else if (type === wire.fixed32) this.#advance(4, to);
    else if (type === wire.length) this.#at = this.#range(to);
    else if (type === wire.start) this.#skipGroup(fieldNumber, to, depth + 1);
    else throw malformed();
  }

  #skipGroup(fieldNumber: number, to: number, depth: number): void {
    if (depth > maxDepth) throw malformed();
    for (;;) {
      this.#addUnknown();
      const tag = this.#uint32(to);
      if ((tag & 7) === wire.end && tag >>> 3 === fieldNumber) return;
      this.#skip(tag & 7, tag >>> 3, to, depth);
    }
  }

  /** Where the bytes end whose length comes next. */
  #range(to: number): number {
    const length = this.#uint32(to);
    if (length > to - this.#at) throw malformed();
    return this.#at + length;
  }

  #advance(count: number, to: number): void {
    if (count > to - this.#at) throw malformed();
    this.#at += count;
  }

  #byte(to: number): number {
    if (this.#at >= to) throw malformed();
    return this.#bytes[this.#at++]!;
  }

  #uint32(to: number): number {
    const first = this.#byte(to);
    // As nearly all tags and most lengths are.
    if (first < 128) return first;
    let value = first & 127;
    for (let scale = 128; scale <= 2 ** 28; scale *= 128) {
      const byte = this.#byte(to);
      value += (byte & 127) * scale;
      if (byte < 128) {
        if (value > 0xffff_ffff) throw malformed();
        return value;
      }
    }
    throw malformed();
  }
}

const plans = new WeakMap<DescMessage, Plan>();

function planOf(desc: DescMessage): Plan {
  const known = plans.get(desc);
  if (known !== undefined) return known;
  const lists = desc.fields.filter(
    ({ fieldKind }) => fieldKind === "list" || fieldKind === "map",
  ).length;
  const plan = { cost: 64 + 16 * desc.fields.length + 32 * lists, fields: new Map() };
  plans.set(desc, plan);
  for (const field of desc.fields) plan.fields.set(field.number, planField(field));
  return plan;
}

function planField(field: DescField): FieldPlan {
  const inOneof = field.oneof === undefined ? 0 : 48;
  const isList = field.fieldKind === "list";
  if (field.fieldKind === "map")
    return { ...ofLength, singular: false, cost: 0, message: () => planEntry(field) };
  if (field.message !== undefined) {
    const { message } = field;
    // Of a oneof each coming makes an object beside the message.
    if (field.delimitedEncoding)
      return {
        ...ofLength,
        type: wire.start,
        singular: !isList,
        cost: unknownCost,
        message: undefined,
      };
    let inner: Plan | undefined;
    const lazily = () => {
      inner ??=
        inOneof > 0
          ? { ...planOf(message), cost: planOf(message).cost + inOneof }
          : planOf(message);
      return inner;
    };
    return { ...ofLength, singular: !isList, cost: 0, message: lazily };
  }
  const scalar = field.enum === undefined ? field.scalar! : ScalarType.INT32;
  const { cost, ...one } = planScalar(scalar);
  return {
    ...one,
    singular: !isList,
    packable: isList && one.packable,
    cost: cost + (isList ? 0 : fieldCost) + inOneof,
  };
}

const ofLength = { type: wire.length, packable: false, singular: true, perByte: 0 };

const entries = new WeakMap<DescField, Plan>();

/** Of a map: key in field 1, value in field 2. */
function planEntry(field: DescField & { fieldKind: "map" }): Plan {
  const known = entries.get(field);
  if (known !== undefined) return known;
  const { message } = field;
  const value = message
    ? { ...ofLength, cost: 0, message: () => planOf(message) }
    : planScalar(field.enum === undefined ? field.scalar! : ScalarType.INT32);
  const plan = { cost: 64, fields: new Map([[1, planScalar(field.mapKey)]]).set(2, value) };
  entries.set(field, plan);
  return plan;
}

function planScalar(scalar: ScalarType): FieldPlan {
  const message = undefined;
  switch (scalar) {
    case ScalarType.STRING:
      return { ...ofLength, cost: textCost, perByte: 2, message };
    case ScalarType.BYTES:
      return { ...ofLength, cost: 96, message };
    case ScalarType.INT64:
    case ScalarType.UINT64:
    case ScalarType.SINT64:
      return {
        type: wire.varint,
        packable: true,
        singular: true,
        cost: bigintCost,
        perByte: 0,
        message,
      };
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return {
        type: wire.fixed64,
        packable: true,
        singular: true,
        cost: bigintCost,
        perByte: 0,
        message,
      };
    case ScalarType.DOUBLE:
      return {
        type: wire.fixed64,
        packable: true,
        singular: true,
        cost: numberCost,
        perByte: 0,
        message,
      };
    case ScalarType.FLOAT:
    case ScalarType.FIXED32:
    case ScalarType.SFIXED32:
      return {
        type: wire.fixed32,
        packable: true,
        singular: true,
        cost: numberCost,
        perByte: 0,
        message,
      };
    default:
      return {
        type: wire.varint,
        packable: true,
        singular: true,
        cost: numberCost,
        perByte: 0,
        message,
      };
  }
}
