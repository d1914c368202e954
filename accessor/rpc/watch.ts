// WatchSignals: where a feed starts, which machines it is of, and what it reads from the log.
import type { HandlerContext } from "@connectrpc/connect";
import type {
  WatchSignalsRequest,
  WatchSignalsResponse,
} from "#gen/millrace/v1/signal_service_pb.ts";
import { Failure } from "../domain/failure.ts";
import { createFilter, type Filter } from "../feed/filter.ts";
import { follow, type SharedMessages } from "../feed/follow.ts";
import type { SentByFeeds } from "../feed/sent.ts";
import { knownHead, type Reads } from "../read/answer-revision.ts";
import type { Catalog } from "../store/catalog.ts";
import type { Descriptions } from "../store/descriptions.ts";
import { readCommits, readCommitTime, readEarliest, readRevisionBefore } from "../store/log.ts";
import { checkMachines, checkSignals, toTimeRange } from "./check-request.ts";
import { assertHasCome } from "./commit-time.ts";
import type { See, Seen } from "./seen.ts";

export type WatchOptions = {
  reads: Reads & { catalog: Catalog; descriptions: Descriptions };
  shared: SharedMessages;
  sent: SentByFeeds;
  bookmarkIntervalMs: number;
  see: See;
};

/** More machines than that are not listened for one by one: their names would be kept by feed. */
const maxNamed = 1_000;
/** How old what other accessors have changed may be, for a feed that goes by labels. */
const labelsKeptMs = 5_000;

export function createWatch({ reads, shared, sent, bookmarkIntervalMs, see }: WatchOptions) {
  const { cursors, tail, database, epochs, descriptions } = reads;

  return async function* watchSignals(
    request: WatchSignalsRequest,
    context: HandlerContext,
  ): AsyncGenerator<WatchSignalsResponse, void, undefined> {
    const { signal: abort } = context;
    checkMachines(request.machines);
    checkSignals(request.signals);
    let seen = await see(context, request);
    let after = await startOf(request);
    // Commits of another accessor may not have been published here yet.
    tail.notice(after);
    await tail.reach(after, abort);
    let startCursor = request.start.case === "afterCursor" ? request.start.value : undefined;
    const feedOf = (from: Seen) =>
      follow({
        tail,
        filter: filterOf(request, from),
        after,
        readLog: (range) => readLog(range, request, { seen: from, abort }),
        readCommitTime: (revision) => readCommitTime(database, revision),
        toCursor: (revision) => cursors.encode(revision),
        startCursor,
        shared,
        sent,
        bookmarkIntervalMs,
        abort,
      });
    if (seen.matched === undefined) yield* feedOf(seen);
    for (;;) {
      const known = seen;
      let { newest } = descriptions;
      for await (const message of feedOf(known)) {
        yield message;
        if (message.partial) continue;
        after = cursors.decode(message.through, {
          field: "through",
          headRevision: tail.head.revision,
        });
        // A feed goes on from memory while the database is away.
        descriptions.refresh({ maxAgeMs: labelsKeptMs }).catch(() => {});
        if (newest === descriptions.newest) continue;
        newest = descriptions.newest;
        seen = await see(context, request).catch(() => known);
        // What follows is of other machines.
        if (seen.matched !== known.matched) break;
      }
      startCursor = undefined;
    }
  };

  async function startOf({ start }: WatchSignalsRequest): Promise<number> {
    if (start.case === undefined) return tail.head.revision;
    const earliest = await readEarliest(database);
    if (start.case === "afterCursor") {
      const revision = cursors.decode(start.value, {
        field: "after_cursor",
        headRevision: await knownHead(reads),
      });
      if (revision < earliest - 1) throw expired(earliest);
      return revision;
    }
    const { fromUs } = toTimeRange(start.value, undefined);
    await assertHasCome(database, fromUs);
    const revision = await readRevisionBefore(database, fromUs);
    if (revision === undefined) throw expired(earliest);
    return revision;
  }

  async function readLog(
    range: { after: number; through: number },
    { machines, signals }: WatchSignalsRequest,
    { seen: { catalog, visible, matched }, abort }: { seen: Seen; abort: AbortSignal },
  ) {
    const earliest = await readEarliest(database);
    if (range.after < earliest - 1) throw expired(earliest);
    const limited = visible !== undefined || matched !== undefined;
    const all = machines.length === 0 && signals.length === 0 && !limited;
    const seriesIds = all
      ? undefined
      : (await catalog.select({ machines, signals })).map(({ id }) => id);
    const options = { catalog: reads.catalog, abort };
    const page = await epochs.within(() => readCommits(database, { ...range, seriesIds }, options));
    return { ...page, committedUs: await readCommitTime(database, page.through) };
  }

  function expired(earliest: number): Failure {
    const message =
      "the log no longer reaches back that far: read the range, then watch after the answer's cursor";
    return new Failure("CURSOR_EXPIRED", message, {
      metadata: { earliest_cursor: cursors.encode(earliest - 1) },
    });
  }
}

const numbers = new WeakMap<object, number>();
let count = 0;

/** Feeds that hold the same set share their messages. */
function numberOf(machines: object): number {
  const known = numbers.get(machines) ?? ++count;
  numbers.set(machines, known);
  return known;
}

/** The machines of a feed, by name as far as they are few. */
function filterOf({ machines, signals }: WatchSignalsRequest, seen: Seen): Filter {
  const { visible, permits, matched } = seen;
  if (matched === undefined) return createFilter({ machines, signals }, visible);
  const mayBe = (name: string) => matched.has(name) && permits?.(name) !== false;
  const among =
    machines.length > 0 ? machines : matched.size <= maxNamed ? [...matched] : undefined;
  if (among === undefined) {
    const key = `${visible?.key ?? ""} labels ${numberOf(matched)}`;
    return createFilter({ machines: [], signals }, { permits: mayBe, key });
  }
  const names = among.filter(mayBe);
  const filter = createFilter({ machines: names, signals }, visible);
  // An empty list of names would be all machines.
  return names.length > 0 ? filter : { ...filter, key: "none", machines: new Set() };
}
