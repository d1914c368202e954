// The judge of a promotion: below the fork both histories are equal, beyond it nothing of the
// former is left, and the product reports its position.
import { epochOf, keyOf, revisionOf } from "./content.ts";
import type { Fork, GivenUp } from "./given-up.ts";
import type { RoundRecord } from "./record.ts";
import { askNumber, type Stored } from "./stored.ts";
import type { Watched } from "./subscriber.ts";
import type { Writer } from "./writer.ts";

type Judging = {
  stored: Stored;
  givenUp: GivenUp | undefined;
  writers: readonly Writer[];
  subscribers: readonly Watched[];
  databaseUrl: string;
  record: RoundRecord;
};

export async function judgeFork(fork: Fork, judging: Judging): Promise<void> {
  const { givenUp, databaseUrl, record } = judging;
  const newer = `from epoch where epoch > ${fork.epoch}`;
  const count = await askNumber(databaseUrl, `select count(*) ${newer}`);
  const begin = await askNumber(databaseUrl, `select coalesce(min(first_revision), 0) ${newer}`);
  if (count !== 1 || begin !== fork.revision)
    record.violation(
      `${count} epochs began, the first at ${begin}, and the promoted standby went on with ${fork.revision}`,
    );
  if (givenUp !== undefined) judgeBefore(givenUp, judging);
}

/** Compares the former history with the one that continues. */
export function judgeBefore(
  givenUp: GivenUp,
  { stored, writers, subscribers, record }: Omit<Judging, "givenUp" | "databaseUrl">,
): void {
  const { fork, before } = givenUp;
  for (let revision = 1; revision < fork.revision; revision++) {
    const [was, is] = [before.commits.get(revision), stored.commits.get(revision)];
    if (was === undefined || is === undefined || keyOf(was.content) !== keyOf(is.content))
      record.violation(
        `revision ${revision} is another one since the promotion, which was at ${fork.revision}`,
      );
  }
  const kept = new Map(
    stored.receipts.map(({ producer, sequence, revision }) => [
      `${producer} ${sequence}`,
      revision,
    ]),
  );
  const was = new Set<string>();
  const ofProducer = Map.groupBy(writers, ({ options }) => options.producer);
  for (const { producer, sequence, revision } of before.receipts) {
    const name = `${producer} ${sequence}`;
    was.add(name);
    if (revision >= fork.revision || kept.get(name) === revision) continue;
    const mayBeEmpty = ofProducer
      .get(producer)
      ?.some((one) => one.make(sequence).content.parts.size === 0);
    if (revision < fork.revision - 1 || !mayBeEmpty)
      record.violation(
        `batch ${name} was at ${revision}, below the promotion at ${fork.revision}, and is not there`,
      );
  }
  for (const { options, acked, told } of writers) {
    const goneOn = Math.max(
      0,
      ...[...acked].filter(([, cursor]) => epochOf(cursor) > fork.epoch).map(([at]) => at),
    );
    for (const sequence of acked.keys()) {
      const name = `${options.producer} ${sequence}`;
      if (kept.has(name)) continue;
      if (!was.has(name)) record.violation(`batch ${name} was acknowledged and never stored`);
      // No hello reports it: a writer of a pair never claims the other one's batches.
      else if (sequence < goneOn && !told.has(sequence) && !options.shared)
        record.violation(
          `batch ${name} is gone, and its producer went on through ${goneOn} and was told nothing`,
        );
    }
  }
  for (const { options, past, startCursor } of subscribers)
    if (
      past.length > 0 &&
      (givenUp.hasCursor(startCursor!) || revisionOf(startCursor!) < fork.revision - 1)
    )
      record.violation(
        `${options.name} was told to go on after ${revisionOf(startCursor!)}, which is not where to`,
      );
}
