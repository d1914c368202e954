// The judge of a round: what was sent, acknowledged, stored, streamed and answered must be one and
// the same history.
import { digestOfColumn, keyOf, project, revisionOf } from "./content.ts";
import type { GivenUp } from "./given-up.ts";
import type { Answer } from "./reader.ts";
import type { RoundRecord } from "./record.ts";
import type { Stored, StoredCommit } from "./stored.ts";
import type { Feed, Watched } from "./subscriber.ts";
import type { Writer } from "./writer.ts";

export type Evidence = {
  stored: Stored;
  writers: readonly Writer[];
  subscribers: readonly Watched[];
  answers: readonly Answer[];
  record: RoundRecord;
  /** Commits that a promotion may have lost; undefined: none. */
  givenUp?: GivenUp | undefined;
};

export type Tally = {
  batches: number;
  samples: number;
  lost: number;
  doubled: number;
  gaps: number;
};

/** Records every violation; returns counts of what was checked. */
export function judge({ stored, writers, subscribers, answers, record, givenUp }: Evidence): Tally {
  const tally = { batches: stored.receipts.length, samples: 0, lost: 0, doubled: 0, gaps: 0 };
  const say = (kind: "lost" | "doubled" | "gaps", text: string) => {
    tally[kind]++;
    record.violation(text);
  };
  judgeRevisions(stored, say);
  judgeReceipts({ stored, writers, say, record, givenUp });
  for (const { columns } of stored.commits.values())
    for (const { values } of columns.values()) tally.samples += values.length;
  for (const subscriber of subscribers) judgeFeeds(subscriber, { stored, givenUp, say, record });
  const [byRevision, before] = [stored, givenUp?.before].map((one) => [
    ...(one?.commits.values() ?? []),
  ]);
  for (const answer of answers) {
    const isGone = givenUp?.hasCursor(answer.cursor) ?? false;
    judgeAnswer(answer, { commits: isGone ? before! : byRevision!, record });
    if (!isGone && answer.minCursor !== "" && givenUp?.hasCursor(answer.minCursor))
      record.violation(
        `an answer (${answer.what}) of ${answer.revision}, and what was asked for was given up`,
      );
  }
  if (stored.quarantined > 0) record.violation(`${stored.quarantined} log rows are quarantined`);
  return tally;
}

type Say = (kind: "lost" | "doubled" | "gaps", text: string) => void;

/** Revisions are 1, 2, 3 … and the plain tables equal the log. */
function judgeRevisions({ commits, stateRows, errorRows }: Stored, say: Say): void {
  let expected = 1;
  for (const [revision, { states, errors }] of commits) {
    if (revision !== expected) say("gaps", `revision ${revision} stands where ${expected} should`);
    expected = revision + 1;
    if ((stateRows.get(revision) ?? 0) !== states.length)
      say(
        "lost",
        `state_change has ${stateRows.get(revision)} rows of revision ${revision}, not ${states.length}`,
      );
    if ((errorRows.get(revision) ?? 0) !== errors.length)
      say(
        "lost",
        `error_report has ${errorRows.get(revision)} rows of revision ${revision}, not ${errors.length}`,
      );
  }
  for (const revision of [...stateRows.keys(), ...errorRows.keys()])
    if (!commits.has(revision))
      say("gaps", `a plain table has rows of revision ${revision}, which the log lacks`);
}

/** Every stored batch was sent, and is stored once; every acknowledged batch is stored. */
function judgeReceipts({
  stored,
  writers,
  say,
  record,
  givenUp,
}: {
  stored: Stored;
  writers: readonly Writer[];
  say: Say;
  record: RoundRecord;
  givenUp: GivenUp | undefined;
}): void {
  const claimed = new Map<number, string>();
  const seen = new Set<string>();
  const byProducer = Map.groupBy(writers, ({ options }) => options.producer);
  for (const { producer, sequence, revision } of stored.receipts) {
    const own = byProducer.get(producer);
    if (own === undefined) continue;
    const name = `${producer} ${sequence}`;
    if (seen.has(name)) say("doubled", `batch ${name} has two receipts`);
    seen.add(name);
    const candidates = own.filter((writer) => sequence <= writer.sent);
    const commit = stored.commits.get(revision);
    const storing = candidates.filter((writer) => {
      const { content } = writer.make(sequence);
      return (
        content.parts.size > 0 && commit !== undefined && keyOf(commit.content) === keyOf(content)
      );
    });
    // A batch without stored records has no revision of its own: its receipt names the newest one
    // at that time.
    const empty = candidates.filter((writer) => writer.make(sequence).content.parts.size === 0);
    const makers = storing.length > 0 ? storing : empty;
    if (makers.length === 0) {
      say("lost", `batch ${name} at revision ${revision} is not what was sent`);
      continue;
    }
    if (storing.length > 0) {
      const other = claimed.get(revision);
      if (other !== undefined)
        say("doubled", `revision ${revision} is claimed by ${other} and ${name}`);
      claimed.set(revision, name);
    }
    for (const writer of own) {
      const cursor = writer.acked.get(sequence);
      if (cursor === undefined || givenUp?.isVoid({ producer, sequence, cursor })) continue;
      if (!makers.includes(writer))
        say(
          "lost",
          `batch ${name} was acknowledged to variant ${writer.options.variant}, and another is stored`,
        );
      if (revisionOf(cursor) < revision)
        record.violation(
          `the ack of ${name} names cursor ${revisionOf(cursor)}, and it is at ${revision}`,
        );
    }
  }
  for (const writer of writers) {
    const { options, acked, doubts } = writer;
    const { producer } = options;
    for (const [sequence, cursor] of acked)
      if (!seen.has(`${producer} ${sequence}`) && !givenUp?.isVoid({ producer, sequence, cursor }))
        say("lost", `batch ${producer} ${sequence} was acknowledged and is not stored`);
    for (const { sequence, text } of doubts) {
      const isEmpty = sequence > 0 && writer.make(sequence).content.parts.size === 0;
      const isGone = isEmpty
        ? givenUp?.mayHaveEmpty(producer, sequence)
        : givenUp?.hasBatch(producer, sequence);
      if (!isGone) record.violation(text);
    }
  }
  const foreign = new Set(
    stored.receipts
      .filter(({ producer }) => !byProducer.has(producer))
      .map(({ revision }) => revision),
  );
  for (const revision of stored.commits.keys())
    if (!claimed.has(revision) && !foreign.has(revision))
      say("doubled", `revision ${revision} belongs to no batch`);
}

/**
 * A subscriber was notified by name of each of its feeds that was given up, and of no other; the
 * feeds that it continues with were not given up.
 */
function judgeFeeds(
  subscriber: Watched,
  {
    stored,
    givenUp,
    say,
    record,
  }: { stored: Stored; givenUp: GivenUp | undefined; say: Say; record: RoundRecord },
): void {
  const { options, past } = subscriber;
  for (const feed of [...past, subscriber]) {
    const isGone = feed.cursor !== undefined && (givenUp?.hasCursor(feed.cursor) ?? false);
    if (isGone && feed === subscriber)
      say(
        "gaps",
        `${options.name} goes on after ${revisionOf(feed.cursor!)}, which was given up, and was told nothing`,
      );
    if (!isGone && feed !== subscriber)
      record.violation(
        `${options.name} was told that commits were given up, and none that it was sent were`,
      );
    judgeFeed(feed, { options, stored: isGone ? givenUp!.before : stored, say });
  }
}

/**
 * A feed contains the stored records after its first cursor, through its last, that it requested;
 * in order, each once.
 */
function judgeFeed(
  { seen, startCursor, cursor }: Feed,
  { options, stored, say }: { options: Watched["options"]; stored: Stored; say: Say },
): void {
  if (startCursor === undefined || cursor === undefined) return;
  const [after, through] = [revisionOf(startCursor), revisionOf(cursor)];
  const expected: { revision: number; key: string }[] = [];
  for (const { revision, content } of stored.commits.values()) {
    if (revision <= after || revision > through) continue;
    const visible = project(content, options);
    if (visible !== undefined) expected.push({ revision, key: keyOf(visible) });
  }
  const at = expected.findIndex(({ key }, i) => key !== seen[i]);
  if (at === -1 && seen.length === expected.length) return;
  const [place, wanted] = at === -1 ? [expected.length, undefined] : [at, expected[at]!];
  const where = `${options.name} (after ${after} through ${through}): ${seen.length} batches of ${expected.length}, first difference at ${place}`;
  if (wanted === undefined) say("doubled", `${where}: more than there is`);
  else if (!seen.includes(wanted.key))
    say("lost", `${where}: revision ${wanted.revision} never came`);
  else say("doubled", `${where}: something stands before revision ${wanted.revision}`);
}

/**
 * An answer contains the commits through its cursor: whole batches, in order of time, then commit,
 * then position.
 */
function judgeAnswer(
  answer: Answer,
  { commits, record }: { commits: readonly StoredCommit[]; record: RoundRecord },
): void {
  const { what, revision, minRevision } = answer;
  if (revision < minRevision)
    record.violation(
      `an answer (${what}) of revision ${revision}, and at least ${minRevision} was asked for`,
    );
  const expected = expectedColumns(commits, answer);
  for (const key of new Set([...expected.keys(), ...answer.columns.keys()]))
    if (expected.get(key) !== answer.columns.get(key))
      record.violation(
        `${what} at revision ${revision}: ${key} is not what was committed through it`,
      );
}

/** In the form of Answer.columns, from the log. */
export function expectedColumns(
  commits: readonly StoredCommit[],
  {
    revision,
    machines,
    signals,
  }: { revision: number; machines: readonly string[]; signals: readonly string[] },
): Map<string, string> {
  const parts = new Map<string, { times: number[]; values: number[] }>();
  for (const commit of commits) {
    const { machine } = commit.content;
    if (commit.revision > revision || (machines.length > 0 && !machines.includes(machine)))
      continue;
    for (const [signal, { timesUs, values }] of commit.columns) {
      if (signals.length > 0 && !signals.includes(signal)) continue;
      const own = parts.get(`${machine} ${signal}`) ?? { times: [], values: [] };
      parts.set(`${machine} ${signal}`, own);
      for (let i = 0; i < values.length; i++) {
        own.times.push(timesUs[i]!);
        own.values.push(values[i]!);
      }
    }
  }
  return new Map(
    [...parts].map(([key, { times, values }]) => {
      const order = Uint32Array.from(times, (_, i) => i).sort(
        (a, b) => times[a]! - times[b]! || a - b,
      );
      const column = {
        timesUs: Float64Array.from(order, (i) => times[i]!),
        values: Float64Array.from(order, (i) => values[i]!),
      };
      return [key, digestOfColumn(column)];
    }),
  );
}
