// One resume of a feed: from a random cursor, with a random filter, to a random end; and what it
// must have received.
import { createHash } from "node:crypto";
import { createClient, type Transport } from "@connectrpc/connect";
import { SignalService } from "#gen/millrace/v1/signal_service_pb.ts";
import { type WatchState, watch } from "../client/watch.ts";
import { machines, numericSignals } from "./chaos/batches.ts";
import { contentOf, keyOf, project, revisionOf } from "./chaos/content.ts";
import type { Random } from "./chaos/random.ts";
import type { Stored } from "./chaos/stored.ts";

export type Draw = {
  after: string;
  /** The feed is closed at the first update that reaches this. */
  endRevision: number;
  machines: readonly string[];
  signals: readonly string[];
};

export type Resumed = {
  draw: Draw;
  /** The newest revision that was known at its start. */
  headAtStart: number;
  through: string;
  messages: number;
  batches: number;
  samples: number;
  /** The reason of each. */
  reconnects: readonly string[];
  /** For every record of every batch, in order. */
  digest: string;
};

/**
 * Half of them end inside the log, at a random distance from their cursor; the other half end 1 to
 * 40 commits beyond the present.
 */
export function drawResume(random: Random, { cursors }: { cursors: readonly string[] }): Draw {
  const head = cursors.length - 1;
  const filter = random.int(0, 3);
  const filtered = {
    machines: filter === 1 || filter === 2 ? [random.pick(machines)] : [],
    signals:
      filter === 2 || filter === 3 ? [random.pick([...numericSignals, "state", "error"])] : [],
  };
  // Uniform in the logarithm, so that near ends are as frequent as far ones.
  const distance = (most: number) => Math.floor(Math.max(1, most) ** random.next());
  if (random.chance(0.5)) {
    const at = random.int(0, head - 1);
    return {
      after: cursors[at]!,
      endRevision: revisionOf(cursors[at + distance(head - at)]!),
      ...filtered,
    };
  }
  const after = cursors[head - distance(head)]!;
  return { after, endRevision: revisionOf(cursors[head]!) + random.int(1, 40), ...filtered };
}

export async function resume(
  draw: Draw,
  { transport }: { transport: Transport },
): Promise<Resumed> {
  const client = createClient(SignalService, transport);
  const { cursor } = await client.getLatest({ signals: ["error"], machines: ["nobody"] });
  const digest = createHash("sha1");
  const stop = new AbortController();
  const result = {
    draw,
    headAtStart: revisionOf(cursor),
    through: draw.after,
    messages: 0,
    batches: 0,
    samples: 0,
  };
  const reconnects: string[] = [];
  const { after, machines, signals } = draw;
  const onState = (state: WatchState) => {
    if (state.state === "reconnecting") reconnects.push(String(state.error));
  };
  const feed = watch({
    client,
    after,
    machines,
    signals,
    abort: stop.signal,
    bookmarks: true,
    onState,
  });
  for await (const { batches, cursor } of feed) {
    result.messages++;
    for (const batch of batches) {
      digest.update(`${keyOf(contentOf(batch))}\n`);
      result.batches++;
      for (const { values } of batch.samples) result.samples += values.length;
    }
    result.through = cursor;
    if (revisionOf(cursor) >= draw.endRevision) break;
  }
  stop.abort(new Error("the resume has ended"));
  return { ...result, reconnects, digest: digest.digest("hex") };
}

/** Differences from the stored records, in words. */
export function judgeResumes(resumes: readonly Resumed[], { commits }: Stored): string[] {
  const stored = [...commits.values()];
  return resumes.flatMap(({ draw, through, batches, digest }) => {
    const [from, to] = [revisionOf(draw.after), revisionOf(through)];
    const expected = createHash("sha1");
    let count = 0;
    // Revisions are consecutive and begin at 1, which judgeResumes relies on and the next line
    // checks.
    for (let revision = from + 1; revision <= to; revision++) {
      const commit = stored[revision - 1];
      if (commit?.revision !== revision) return [`revision ${revision} is not where it should be`];
      const visible = project(commit.content, draw);
      if (visible === undefined) continue;
      expected.update(`${keyOf(visible)}\n`);
      count++;
    }
    const where = `after ${from} through ${to}, machines [${draw.machines}], signals [${draw.signals}]`;
    if (count !== batches) return [`${where}: ${batches} batches came of ${count}`];
    return digest === expected.digest("hex") ? [] : [`${where}: other records, or another order`];
  });
}
