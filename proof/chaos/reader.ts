// A reader of the harness: requests ranges, pages and sums all the time, each at least as new as
// some ack, and keeps the answers for the oracle.
import { readColumns } from "../../client/read.ts";
import { machines, numericSignals } from "./batches.ts";
import { pause, type Reach, reach, reasonOf } from "./clients.ts";
import { digestOfColumn, revisionOf } from "./content.ts";
import type { Random } from "./random.ts";
import type { RoundRecord } from "./record.ts";

export type Answer = {
  what: string;
  machines: readonly string[];
  signals: readonly string[];
  /**
   * The revision through which the answer is complete by its own claim, and the least one
   * requested.
   */
  revision: number;
  minRevision: number;
  /** The cursors of both; "" if none was requested. */
  cursor: string;
  minCursor: string;
  /** "machine signal" to a digest of all samples, in order of time. */
  columns: Map<string, string>;
};

export type ReaderOptions = {
  ports: readonly number[];
  random: Random;
  record: RoundRecord;
  /** A cursor that a client received with an ack. */
  ackedCursor: () => string | undefined;
};

const maxAnswers = 60;

export class Reader {
  readonly answers: Answer[] = [];
  readonly #options: ReaderOptions;
  readonly #stop = new AbortController();
  readonly running: Promise<void>;

  constructor(options: ReaderOptions) {
    this.#options = options;
    this.running = this.#run();
  }

  close(): void {
    this.#stop.abort(new Error("the round is over"));
  }

  async #run(): Promise<void> {
    const { ports, random, record, ackedCursor } = this.#options;
    const abort = this.#stop.signal;
    while (!abort.aborted && this.answers.length < maxAnswers) {
      using clients = reach(ports, random);
      // Without one, an accessor answers from what it knows already.
      const minCursor = random.chance(0.3) ? "" : (ackedCursor() ?? "");
      const what = random.pick(["blocks", "columns", "pages"] as const);
      record.note({ who: "reader", what, how: "invoked", minCursor });
      try {
        const answer = await ask(clients, {
          what,
          minCursor,
          random,
          abort: AbortSignal.any([abort, AbortSignal.timeout(4_000)]),
        });
        this.answers.push(answer);
        record.note({ who: "reader", what, how: "ok", revision: answer.revision });
      } catch (error) {
        record.note({ who: "reader", what, how: "failed", reason: reasonOf(error) });
      }
      await pause(random.int(20, 120), abort);
    }
  }
}

type Ask = {
  what: "blocks" | "columns" | "pages";
  minCursor: string;
  random: Random;
  abort: AbortSignal;
};

async function ask(clients: Reach, { what, minCursor, random, abort }: Ask): Promise<Answer> {
  const some = <T>(items: readonly T[]) => (random.chance(0.5) ? [] : [random.pick(items)]);
  const asked = { machines: some(machines), signals: [random.pick(numericSignals)] };
  const minRevision = minCursor === "" ? 0 : revisionOf(minCursor);
  if (what === "pages")
    return askPages(clients, {
      ...asked,
      minCursor,
      minRevision,
      pageSize: random.int(50, 2_000),
      abort,
    });
  const { series, cursor } = await readColumns({
    client: clients.signals,
    ...asked,
    minCursor,
    format: what,
    abort,
  });
  const columns = new Map(
    series.map((one) => [`${one.machine} ${one.signal}`, digestOfColumn(one.column)]),
  );
  return { what, ...asked, revision: revisionOf(cursor), minRevision, cursor, minCursor, columns };
}

type AskPages = {
  machines: string[];
  signals: string[];
  minCursor: string;
  minRevision: number;
  pageSize: number;
  abort: AbortSignal;
};

/** One page after the other: all of one revision, whatever is committed meanwhile. */
async function askPages(
  clients: Reach,
  { machines, signals, minCursor, minRevision, pageSize, abort }: AskPages,
): Promise<Answer> {
  const byMachine = new Map<string, { timesUs: number[]; values: number[] }>();
  let pageToken = "";
  let revision = -1;
  let cursor = "";
  do {
    const request = { signal: signals[0]!, machines, minCursor, pageSize, pageToken };
    const page = await clients.signals.querySignals(request, { signal: abort });
    if (revision !== -1 && revision !== revisionOf(page.cursor))
      throw new Error("pages of two revisions");
    cursor = page.cursor;
    revision = revisionOf(cursor);
    for (const { machine, time, record } of page.signals) {
      if (record.case !== "value") continue;
      const own = byMachine.get(machine) ?? { timesUs: [], values: [] };
      byMachine.set(machine, own);
      own.timesUs.push(Number(time!.seconds) * 1e6 + time!.nanos / 1000);
      own.values.push(record.value);
    }
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  const columns = new Map(
    [...byMachine].map(([machine, { timesUs, values }]) => [
      `${machine} ${signals[0]}`,
      digestOfColumn({ timesUs: Float64Array.from(timesUs), values: Float64Array.from(values) }),
    ]),
  );
  return { what: "pages", machines, signals, revision, minRevision, cursor, minCursor, columns };
}
