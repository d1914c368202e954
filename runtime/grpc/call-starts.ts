// Calls begin a few at a time, and groups of connections take turns. A connection that opens a
// thousand streams at once delays the others by only a few of them, and gains nothing by resetting
// them.
import type { ServerHttp2Stream } from "node:http2";

/** The bound that a call exceeds. */
export type CallLimitName = "open-calls" | "incomplete-calls" | "waiting-calls";

export type CallLimits = {
  /** Bounds on open calls: of all connections, and of one group. */
  maxOpen: number;
  maxOpenPerGroup: number;
  /** The same for calls whose client has more to send, or has sent what is not yet read. */
  maxIncomplete: number;
  maxIncompletePerGroup: number;
  /** Bound on all calls that have not begun. */
  maxWaiting: number;
};

/**
 * An open call takes some 9 KB before a handler has it, a waiting one 10 KB; their number
 * determines how long the garbage collector stops everything. A call that is not read may hold a
 * window of 64 KiB.
 */
export const defaultCallLimits: CallLimits = {
  maxOpen: 32_768,
  maxOpenPerGroup: 16_384,
  maxIncomplete: 8_192,
  maxIncompletePerGroup: 4_096,
  maxWaiting: 4_096,
};

/** They take some 2 ms of the event loop: to begin a call takes 100 µs. */
const callsPerTurn = 16;

type Call = { stream: ServerHttp2Stream; begin: () => void };

/** What takes turns as one: an address, or a connection that many callers share. */
type Group = string | object;

export class CallStarts {
  readonly #limits: CallLimits;
  readonly #open = new Tally();
  readonly #incomplete = new Tally();
  /** Groups with waiting calls, the next one first. */
  readonly #waiting = new Map<Group, Call[]>();
  #waitingCalls = 0;
  #begun = 0;
  readonly #refuse: (stream: ServerHttp2Stream, limit: CallLimitName) => void;

  constructor(
    limits: CallLimits,
    refuse: (stream: ServerHttp2Stream, limit: CallLimitName) => void,
  ) {
    this.#limits = limits;
    this.#refuse = refuse;
  }

  /** How many calls are open, including those that wait. */
  get open(): number {
    return this.#open.all;
  }

  /**
   * Begins a call: at once if few others have arrived, otherwise in a later turn of the event loop,
   * and not at all if it is closed by then. Beyond the bounds a call is refused; if too many wait,
   * the newest of the group with the most waiting calls is refused.
   */
  take(stream: ServerHttp2Stream, group: Group, begin: () => void): void {
    const limit = this.#limitOf(group);
    if (limit !== undefined) {
      this.#refuse(stream, limit);
      return;
    }
    this.#open.add(group);
    this.#incomplete.add(group);
    let complete = false;
    const onComplete = () => {
      if (!complete) this.#incomplete.remove(group);
      complete = true;
    };
    stream.once("end", onComplete).once("close", () => {
      this.#open.remove(group);
      onComplete();
    });
    if (this.#waitingCalls === 0 && this.#begun < callsPerTurn) {
      this.#begin({ stream, begin });
      return;
    }
    // Code that begins the call listens only from then on, and an error without a listener would
    // end the process.
    stream.on("error", () => {});
    const calls = this.#waiting.get(group);
    if (calls) calls.push({ stream, begin });
    else this.#waiting.set(group, [{ stream, begin }]);
    if (++this.#waitingCalls > this.#limits.maxWaiting) this.#refuseNewest();
  }

  #begin({ begin }: Call): void {
    if (this.#begun++ === 0) setImmediate(() => this.#nextTurn());
    begin();
  }

  #nextTurn(): void {
    this.#begun = 0;
    while (this.#begun < callsPerTurn) {
      const call = this.#next();
      if (call === undefined) return;
      if (!call.stream.closed && !call.stream.destroyed) this.#begin(call);
    }
  }

  #next(): Call | undefined {
    for (const [group, calls] of this.#waiting) {
      // If the group has more calls, it goes behind the others.
      this.#waiting.delete(group);
      const call = calls.shift();
      if (calls.length > 0) this.#waiting.set(group, calls);
      this.#waitingCalls--;
      return call;
    }
    return undefined;
  }

  #refuseNewest(): void {
    let [longest, most] = [undefined as Group | undefined, [] as Call[]];
    for (const [group, calls] of this.#waiting)
      if (calls.length > most.length) [longest, most] = [group, calls];
    const call = most.pop();
    if (most.length === 0) this.#waiting.delete(longest!);
    this.#waitingCalls--;
    if (call) this.#refuse(call.stream, "waiting-calls");
  }

  #limitOf(group: Group): CallLimitName | undefined {
    const { maxOpen, maxOpenPerGroup, maxIncomplete, maxIncompletePerGroup } = this.#limits;
    if (this.#open.all >= maxOpen || this.#open.of(group) >= maxOpenPerGroup) return "open-calls";
    const isFull =
      this.#incomplete.all >= maxIncomplete || this.#incomplete.of(group) >= maxIncompletePerGroup;
    return isFull ? "incomplete-calls" : undefined;
  }
}

/** Counts calls: all of them, and those of each group. */
class Tally {
  readonly #byGroup = new Map<Group, number>();
  #all = 0;

  get all(): number {
    return this.#all;
  }

  of(group: Group): number {
    return this.#byGroup.get(group) ?? 0;
  }

  add(group: Group): void {
    this.#all++;
    this.#byGroup.set(group, this.of(group) + 1);
  }

  remove(group: Group): void {
    this.#all--;
    const left = this.of(group) - 1;
    if (left > 0) this.#byGroup.set(group, left);
    else this.#byGroup.delete(group);
  }
}
