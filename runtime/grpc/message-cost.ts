// Estimates the memory of a protobuf message from its bytes, before any object is made of them.
// protobuf-es decodes 2 bytes to an object of 200 bytes, so a bound on wire bytes alone does not
// bound memory.
import type { DescMessage } from "@bufbuild/protobuf";
import { type FieldPlan, type Plan, planOf, unknownCost, wire } from "./cost-plan.ts";
import { type CostLimits, MessageTooLarge, maxCostOf } from "./message-limits.ts";

/** A newer client sends no more than two of them for each record of the largest batch. */
const maxCheapUnknowns = 131_072;
const furtherUnknownCost = 512;
/** A field that occurs again in a message, which no encoder writes, replaces the earlier value. */
const repeatedCost = 64;
/** Cost of reading a packed list, which has its numbers in one field as encoders write it. */
const packedCost = 64;
/** Encoders write at most two for a record; a million of them, all empty, would take 60 ms. */
const maxCheapPacked = 131_072;
const furtherPackedCost = 512;
/** Cost of a number of a list in a field of its own, which encoders do not write. */
const unpackedCost = 112;
const maxDepth = 32;

/**
 * Fails with MessageTooLarge if the message would cost more than it may, and with another error if
 * it is not valid protobuf for its type. Stops as soon as that is known. Returns the estimate.
 */
export function assertCost(desc: DescMessage, bytes: Uint8Array, limits: CostLimits): number {
  const scan = new Scan(bytes, maxCostOf(bytes.length, limits));
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
        // protobuf-es would read the field as if it had the right type.
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
    // A varint ends with a byte below 128.
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

  /** The end of the bytes whose length comes next. */
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
    // Nearly all tags and most lengths are one byte.
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
