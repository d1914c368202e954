// Reads a message by the rules of a mapping file: every rule that fits its topic gives its records.
import type { Delivery, Reading } from "./delivery.ts";
import { type Document, type PayloadFault, readDocument } from "./document.ts";
import { type Applied, applyRule } from "./records.ts";
import type { Rule } from "./rule.ts";
import { matchAddress } from "./templates.ts";

export type ReadOptions = {
  readonly rules: readonly Rule[];
  /** Most bytes of a payload that are parsed. */
  readonly maxPayloadBytes: number;
};

/** Never throws. */
export function readTopic(delivery: Delivery, { rules, maxPayloadBytes }: ReadOptions): Reading {
  const { topic, payload, retained, receivedUs } = delivery;
  const into: Applied = { records: [], faults: [], withoutTime: false };
  const documents = new Map<string, Document | PayloadFault>();
  const documentOf = (kind: Rule["payload"]) => {
    const document = documents.get(kind) ?? readDocument(payload, kind);
    documents.set(kind, document);
    return document;
  };
  // When a retained message was sent is unknown.
  const timeUs = retained ? undefined : receivedUs;
  let mapped = false;
  for (const rule of rules) {
    const captures = matchAddress(rule.address, topic);
    if (captures === undefined) continue;
    mapped = true;
    // An empty payload is how a retained message is removed.
    if (payload.length === 0) break;
    if (payload.length > maxPayloadBytes) {
      into.faults.push(`${payload.length} bytes; at most ${maxPayloadBytes} are read`);
      break;
    }
    const document = documentOf(rule.payload);
    if ("fault" in document) {
      if (!into.faults.includes(document.fault)) into.faults.push(document.fault);
    } else applyRule(rule, { document, captures, timeUs, into });
  }
  const { records, faults, withoutTime } = into;
  const skipped = mapped ? (withoutTime ? "retained" : undefined) : "unmapped";
  return { records, faults, skipped, answers: [] };
}
