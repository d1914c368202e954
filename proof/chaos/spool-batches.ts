// The batches of the process with a spool, by its own numbers, since the spool chooses lane and
// sequence; and what its journal proves.
import { readFileSync } from "node:fs";
import { makeBatch, type SentBatch } from "./batches.ts";
import { keyOf } from "./content.ts";
import type { GivenUp } from "./given-up.ts";
import type { RoundRecord } from "./record.ts";
import type { Stored } from "./stored.ts";

/** Batches with stored records. Numbers have their own times, so no two are equal. */
export function spoolBatch(seed: number, number: number): SentBatch {
  for (let variant = 0; ; variant++) {
    const made = makeBatch({ seed, producer: "spool", variant, sequence: number });
    if (made.content.parts.size > 0) return made;
  }
}

/**
 * Every accepted batch is stored once (except batches that were stored and given up since), every
 * batch begun at most once, and nothing else under the spool's names. Returns the accepted batches.
 */
export function judgeSpool(
  journal: string,
  {
    stored,
    seed,
    record,
    givenUp,
  }: { stored: Stored; seed: number; record: RoundRecord; givenUp?: GivenUp | undefined },
): { taken: number; lost: number; doubled: number } {
  const lines = readFileSync(journal, "utf8")
    .split("\n")
    .map((line) => line.split(" "));
  const numbers = (word: string) =>
    new Set(lines.filter(([first]) => first === word).map(([, number]) => Number(number)));
  for (const [word, , ...text] of lines)
    if (word === "failed") record.violation(`the spool's uplink failed: ${text.join(" ")}`);
  const begun = numbers("append");
  const taken = numbers("taken");
  const byKey = new Map(
    [...begun].map((number) => [keyOf(spoolBatch(seed, number).content), number]),
  );
  const times = new Map<number, number>();
  for (const { producer, sequence, revision } of stored.receipts) {
    if (!producer.startsWith("spool.")) continue;
    const commit = stored.commits.get(revision);
    const number = commit === undefined ? undefined : byKey.get(keyOf(commit.content));
    if (number === undefined)
      record.violation(
        `${producer} ${sequence} at revision ${revision} is nothing that was appended`,
      );
    else times.set(number, (times.get(number) ?? 0) + 1);
  }
  const gone = [...(givenUp?.before.commits.values() ?? [])]
    .filter(({ revision }) => revision >= givenUp!.fork.revision)
    .map(({ content }) => byKey.get(keyOf(content)));
  const lost = [...taken].filter((number) => !times.has(number) && !gone.includes(number));
  const doubled = [...times].filter(([, count]) => count > 1).map(([number]) => number);
  if (lost.length > 0)
    record.violation(`the spool took and lost ${lost.length} batches, the first ${lost[0]}`);
  if (doubled.length > 0)
    record.violation(`the spool doubled ${doubled.length} batches, the first ${doubled[0]}`);
  return { taken: taken.size, lost: lost.length, doubled: doubled.length };
}
