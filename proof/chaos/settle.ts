// The end of a round: nothing is broken any more, so everything must settle, soon.
import { existsSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { reasonOf } from "./clients.ts";
import type { RoundRecord } from "./record.ts";
import { askNumber } from "./stored.ts";
import type { Subscriber } from "./subscriber.ts";
import type { Writer } from "./writer.ts";

// On a machine that is busy with other work, a start of Node alone may take ten seconds.
const settleDeadlineMs = 60_000;

type Settling = {
  record: RoundRecord;
  hang: (what: string) => void;
  writers: readonly Writer[];
  subscribers: readonly Subscriber[];
  /** The journal of the process with a spool. */
  spool: string | undefined;
  databaseUrl: string;
  /** Whether a cursor belongs to commits that a promotion gave up. */
  isGivenUp: (cursor: string) => boolean;
};

/**
 * Waits until everything is acknowledged, received and compacted; anything later than the deadline
 * is reported as hanging.
 */
export async function settle({
  record,
  hang,
  writers,
  subscribers,
  spool,
  databaseUrl,
  isGivenUp,
}: Settling): Promise<void> {
  const untilMs = performance.now() + settleDeadlineMs;
  const eventually = async (what: () => string, ask: () => Promise<boolean> | boolean) => {
    for (;;) {
      if (await ask()) return;
      if (performance.now() > untilMs) return hang(what());
      await sleep(30);
    }
  };
  await eventually(
    () =>
      `${writers
        .filter(({ open }) => open > 0)
        .map(({ options, open }) => `${options.producer} has ${open} batches without an ack`)
        .join("; ")}`,
    () => writers.every(({ open }) => open === 0),
  );
  if (spool) {
    await eventually(
      () => "the spool does not empty itself",
      () => existsSync(spool) && readFileSync(spool, "utf8").includes("flushed"),
    );
  }
  const number = (text: string) =>
    askNumber(databaseUrl, text).catch((error: unknown) => {
      record.note({ who: "harness", what: "ask", how: "failed", reason: reasonOf(error) });
      return Number.NaN;
    });
  let head = Number.NaN;
  await eventually(
    () => "PostgreSQL does not answer",
    async () => {
      head = await number("select coalesce(max(revision), 0) from log");
      return Number.isFinite(head);
    },
  );
  const isThere = ({ cursor, revision }: Subscriber) =>
    cursor !== undefined && revision >= head && !isGivenUp(cursor);
  await eventually(
    () =>
      subscribers
        .filter((one) => !isThere(one))
        .map(({ options, revision }) => `${options.name} is at ${revision} of ${head}`)
        .join("; "),
    () => subscribers.every(isThere),
  );
  await eventually(
    () => "compaction does not reach the head",
    async () => (await number("select max(revision) from watermark")) >= head,
  );
}
