// The newest end of the log in memory: commits in dense order, our own as they happen, another
// accessor's read from the log first. It is bounded: a reader of older commits uses the log.
import { failpoint } from "../../runtime/failpoint.ts";
import type { Log } from "../../runtime/log.ts";
import type { Failure } from "../domain/failure.ts";
import type { Commit, Head } from "../store/log.ts";

export type TailCommit = Commit & { committedUs: number };

export type TailOptions = {
  head: Head;
  /** Reads whole commits after one revision and up to another, as many as fit a page. */
  readLog: (range: {
    after: number;
    through: number;
  }) => Promise<{ commits: TailCommit[]; through: number }>;
  readCommitTime: (revision: number) => Promise<number | undefined>;
  /**
   * Called when commits were skipped unread: another accessor may have registered series in them.
   */
  onPassedOver: () => void;
  log: Log;
  /** Most bytes to keep. Default 16 MiB. */
  maxBytes?: number;
};

/** failure: for waiters for a revision from there on, which was given up. */
export type Fork = { revision: number; failure: Failure };

/**
 * Published commits from that revision on have been given up. rest: the failure for all other
 * waiters.
 */
export type Ended = Fork & { rest: Failure };

/** Wakes a subscriber. machines: undefined if it wants every machine. */
export type Listener = { machines: ReadonlySet<string> | undefined; wake: () => void };

export class Tail {
  readonly #options: Required<TailOptions>;
  #head: Head;
  /** Every commit above this revision, up to the head, is in #commits. */
  #floor: number;
  #commits: TailCommit[] = [];
  /** For each of #commits, the previous commit of its machine (0: none since #watchedSince). */
  #earlierOf: number[] = [];
  #bytes = 0;
  /** Own commits that arrived before the commits that precede them. */
  readonly #early = new Map<number, TailCommit>();
  #knownRevision: number;
  #catchingUp: Promise<void> | undefined;
  readonly #listeners = new Set<Listener>();
  readonly #ofAll = new Set<Listener>();
  readonly #byMachine = new Map<string, Set<Listener>>();
  /** Newest commit of each machine since #watchedSince. */
  readonly #lastOf = new Map<string, number>();
  #watchedSince: number;
  /** Where the history forked while this process was running. */
  readonly #forks: Fork[] = [];
  #ended: Ended | undefined;

  constructor(options: TailOptions) {
    this.#options = { maxBytes: 16 * 1024 * 1024, ...options };
    this.#head = options.head;
    this.#floor = this.#knownRevision = this.#watchedSince = options.head.revision;
  }

  /** Everything up to here is published. */
  get head(): Head {
    return this.#head;
  }

  /** Own commits, ascending. Publishes them at once unless one before them is missing. */
  publish(commits: readonly TailCommit[]): void {
    if (this.#ended) return;
    for (const commit of commits) {
      if (commit.revision > this.#head.revision) this.#early.set(commit.revision, commit);
      this.#knownRevision = Math.max(this.#knownRevision, commit.revision);
    }
    this.#advance();
  }

  /** This revision is known to be committed: missing commits up to it are read from the log. */
  notice(revision: number): void {
    if (this.#ended) return;
    this.#knownRevision = Math.max(this.#knownRevision, revision);
    this.#advance();
  }

  /**
   * The history has forked above the published commits: drops everything known from after the fork.
   */
  cutBack(fork: Fork): void {
    for (const revision of this.#early.keys())
      if (revision >= fork.revision) this.#early.delete(revision);
    this.#knownRevision = Math.max(
      this.#head.revision,
      Math.min(this.#knownRevision, fork.revision - 1),
    );
    this.#forks.push(fork);
    this.#wake([]);
  }

  /**
   * The history has forked below the newest published commit, so nothing in memory may be sent any
   * more.
   */
  end(ended: Ended): void {
    this.#ended ??= ended;
    for (const listeners of [this.#ofAll, ...this.#byMachine.values()])
      for (const { wake } of [...listeners]) wake();
  }

  /**
   * Fails if the position of a feed or an answer has been given up, or everything that is published
   * here has.
   */
  assertHolds(revision: number): void {
    if (this.#ended)
      throw revision >= this.#ended.revision ? this.#ended.failure : this.#ended.rest;
  }

  /**
   * Commits after a revision, up to the head, at least those of these machines (all if undefined);
   * undefined if some are no longer in memory.
   */
  after(revision: number, machines?: ReadonlySet<string>): readonly TailCommit[] | undefined {
    if (revision < this.#floor) return undefined;
    // Revisions are dense, so a commit's index follows from its revision.
    const from = revision - this.#floor;
    if (machines === undefined || machines.size >= this.#commits.length - from)
      return this.#commits.slice(from);
    // Look up by machine: otherwise each of 1,000 subscribers of one machine would scan the commits
    // of all machines.
    const found: TailCommit[] = [];
    for (const machine of machines) {
      for (let at = this.#lastOf.get(machine) ?? 0; at > revision; ) {
        const place = at - this.#floor - 1;
        found.push(this.#commits[place]!);
        at = this.#earlierOf[place]!;
      }
    }
    return found.sort((a, b) => a.revision - b.revision);
  }

  /** Whether any of these machines (all if undefined) may have committed after a revision. */
  mayHave(machines: ReadonlySet<string> | undefined, after: number): boolean {
    if (machines === undefined || after < this.#watchedSince) return this.#head.revision > after;
    for (const machine of machines) if ((this.#lastOf.get(machine) ?? 0) > after) return true;
    return false;
  }

  /** How many subscribers and waiters there are. */
  get listeners(): number {
    return this.#listeners.size;
  }

  listen(listener: Listener): Disposable {
    const { machines } = listener;
    this.#listeners.add(listener);
    if (machines === undefined) this.#ofAll.add(listener);
    for (const machine of machines ?? []) {
      const set = this.#byMachine.get(machine) ?? new Set();
      this.#byMachine.set(machine, set.add(listener));
    }
    return {
      [Symbol.dispose]: () => {
        this.#listeners.delete(listener);
        this.#ofAll.delete(listener);
        for (const machine of machines ?? []) {
          const set = this.#byMachine.get(machine);
          set?.delete(listener);
          if (set?.size === 0) this.#byMachine.delete(machine);
        }
      },
    };
  }

  /** Resolves when the head has reached a revision. */
  async reach(revision: number, abort: AbortSignal): Promise<void> {
    const forks = this.#forks.length;
    for (;;) {
      this.assertHolds(revision);
      const fork = this.#forks.slice(forks).find((since) => since.revision <= revision);
      if (fork) throw fork.failure;
      if (this.#head.revision >= revision) return;
      await new Promise<void>((resolve, reject) => {
        const settle = () => {
          subscription[Symbol.dispose]();
          abort.removeEventListener("abort", settle);
          if (abort.aborted) reject(abort.reason);
          else resolve();
        };
        const subscription = this.listen({ machines: undefined, wake: settle });
        abort.addEventListener("abort", settle, { once: true });
        if (abort.aborted) settle();
      });
    }
  }

  #advance(): void {
    const published: TailCommit[] = [];
    for (
      let next = this.#early.get(this.#head.revision + 1);
      next !== undefined;
      next = this.#early.get(next.revision + 1)
    ) {
      this.#append(next);
      published.push(next);
    }
    if (published.length > 0) this.#wake(published);
    if (this.#knownRevision > this.#head.revision) this.#catchingUp ??= this.#catchUp();
  }

  #append(commit: TailCommit): void {
    this.#early.delete(commit.revision);
    const { machine } = commit.batch;
    this.#commits.push(commit);
    this.#earlierOf.push(this.#lastOf.get(machine) ?? 0);
    this.#bytes += commit.bytes;
    this.#lastOf.set(machine, commit.revision);
    this.#head = { revision: commit.revision, committedUs: commit.committedUs };
    if (this.#bytes <= this.#options.maxBytes) return;
    // Drop half of it at once: shifting one by one would copy the array each time.
    let drop = 0;
    while (drop < this.#commits.length - 1 && this.#bytes > this.#options.maxBytes / 2)
      this.#bytes -= this.#commits[drop++]!.bytes;
    this.#floor += drop;
    this.#commits = this.#commits.slice(drop);
    this.#earlierOf = this.#earlierOf.slice(drop);
  }

  #wake(published: readonly TailCommit[]): void {
    const woken = new Set(this.#ofAll);
    for (const { batch } of published)
      for (const listener of this.#byMachine.get(batch.machine) ?? []) woken.add(listener);
    for (const { wake } of woken) wake();
  }

  async #catchUp(): Promise<void> {
    try {
      while (
        !this.#ended &&
        this.#knownRevision > this.#head.revision &&
        !this.#early.has(this.#head.revision + 1)
      ) {
        let firstEarly = Number.POSITIVE_INFINITY;
        for (const revision of this.#early.keys()) firstEarly = Math.min(firstEarly, revision);
        await this.#readUpTo(Math.min(this.#knownRevision, firstEarly - 1));
      }
    } catch (error) {
      this.#options.log.warn("could not read the log's newest end; the next poll tries again", {
        error,
      });
      return;
    } finally {
      this.#catchingUp = undefined;
    }
    if (this.#early.size > 0) this.#advance();
  }

  async #readUpTo(through: number): Promise<void> {
    const after = this.#head.revision;
    if (this.#ofAll.size === 0 && this.#byMachine.size === 0) {
      // Without subscribers, skip these commits; later subscribers read them from the log.
      const committedUs = await this.#options.readCommitTime(through);
      if (this.#head.revision !== after || this.#knownRevision < through || this.#ended) return;
      this.#options.onPassedOver();
      this.#commits = [];
      this.#earlierOf = [];
      this.#bytes = 0;
      this.#lastOf.clear();
      for (const revision of this.#early.keys())
        if (revision <= through) this.#early.delete(revision);
      this.#floor = this.#watchedSince = through;
      this.#head = { revision: through, committedUs };
      this.#wake([]);
      return;
    }
    const page = await this.#options.readLog({ after, through });
    failpoint("tail.read");
    if (this.#ended) return;
    const published: TailCommit[] = [];
    for (const commit of page.commits) {
      // Our own commits may have been published while the page was read.
      if (commit.revision <= this.#head.revision) continue;
      if (commit.revision !== this.#head.revision + 1) break;
      this.#append(commit);
      published.push(commit);
    }
    this.#wake(published);
    if (this.#head.revision < page.through)
      throw new Error(`the log has no revision ${this.#head.revision + 1}`);
  }
}
