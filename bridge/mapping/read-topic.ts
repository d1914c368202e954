// Reads a message by the rules of a mapping file: every rule that fits its topic gives its records.
import type { Delivery, Reading } from "./delivery.ts";
import { type Document, type PayloadFault, readDocument } from "./document.ts";
import { type Applied, applyRule } from "./records.ts";
import type { Rule } from "./rule.ts";
import { type Captures, matchAddress } from "./templates.ts";

export type TopicReaderOptions = {
  readonly rules: readonly Rule[];
  /** Most bytes of a payload that are parsed. */
  readonly maxPayloadBytes: number;
};

type Match = { readonly rule: Rule; readonly captures: Captures };

/** Topics whose rules are remembered, and their longest length. */
const maxRemembered = 10_000;
const maxTopicLength = 256;

/** The result never throws. */
export function createTopicReader({ rules, maxPayloadBytes }: TopicReaderOptions) {
  const remembered = new Map<string, readonly Match[]>();

  function matchesOf(topic: string): readonly Match[] {
    const known = remembered.get(topic);
    if (known !== undefined) return known;
    const matches = rules.flatMap((rule) => {
      const captures = matchAddress(rule.address, topic);
      return captures === undefined ? [] : [{ rule, captures }];
    });
    if (topic.length > maxTopicLength) return matches;
    if (remembered.size >= maxRemembered) remembered.clear();
    remembered.set(topic, matches);
    return matches;
  }

  return (delivery: Delivery): Reading => {
    const { topic, payload, retained, receivedUs } = delivery;
    const into: Applied = { records: [], faults: [], withoutTime: false };
    const matches = matchesOf(topic);
    if (payload.length > maxPayloadBytes && matches.length > 0)
      into.faults.push(`${payload.length} bytes; at most ${maxPayloadBytes} are read`);
    // An empty payload is how a retained message is removed.
    else if (payload.length > 0) {
      // When a retained message was sent is unknown.
      readBy(matches, { payload, timeUs: retained ? undefined : receivedUs, into });
    }
    const { records, faults, withoutTime } = into;
    const skipped = matches.length === 0 ? "unmapped" : withoutTime ? "retained" : undefined;
    return { records, faults, skipped, answers: [] };
  };
}

function readBy(
  matches: readonly Match[],
  given: { payload: Uint8Array; timeUs: number | undefined; into: Applied },
): void {
  const { payload, timeUs, into } = given;
  const documents = new Map<Rule["payload"], Document | PayloadFault>();
  for (const { rule, captures } of matches) {
    const document = documents.get(rule.payload) ?? readDocument(payload, rule.payload);
    const isNew = !documents.has(rule.payload);
    documents.set(rule.payload, document);
    if (!("fault" in document)) applyRule(rule, { document, captures, timeUs, into });
    else if (isNew) into.faults.push(document.fault);
  }
}
