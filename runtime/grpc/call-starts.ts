// Calls begin a few at a time, each group of connections in its turn. One that opens a thousand
// streams at once holds up the others by a few of them, and gains nothing by resetting them.
import type { ServerHttp2Stream } from "node:http2";

/** Which of the bounds a call is beyond. */
export type CallLimit = "open-calls" | "incomplete-calls" | "waiting-calls";

export type CallBounds = {
  /** All calls that are open, and those of one group of connections. */
  maxOpen: number;
  maxOpenPerGroup: number;
  /** The same of those whose client has more to send, or has sent what nobody has read. */
  maxIncomplete: number;
  maxIncompletePerGroup: number;
  /** All that have not begun. */
  maxWaiting: number;
};

/**
 * An open call takes some 9 KB before a handler has it, one that waits 10 KB; their number decides
 * how long the garbage collector stops everything. What comes for a call that is not read may be a
 * window of 64 KiB.
 */
export const defaultCallBounds: CallBounds = {
  maxOpen: 32_768,
  maxOpenPerGroup: 16_384,
  maxIncomplete: 8_192,
  maxIncompletePerGroup: 4_096,
  maxWaiting: 4_096,
};

/** Some 2 ms of the event loop: beginning a call takes 100 µs. */
const callsPerTurn = 16;

type Call = { stream: ServerHttp2Stream; begin: () => void };

/** What counts as one: an address, or a connection of many callers. */
type Group = string | object;

export class CallStarts {
  readonly #bounds: CallBounds;
  readonly #open = new Tally();
  readonly #incomplete = new Tally();
  /** Groups with calls that wait, the next first. */
  readonly #waiting = new Map<Group, Call[]>();
  #waitingCalls = 0;
  #begun = 0;
  readonly #refuse: (stream: ServerHttp2Stream, limit: CallLimit) => void;

  constructor(bounds: CallBounds, refuse: (stream: ServerHttp2Stream, limit: CallLimit) => void) {
    this.#bounds = bounds;
    this.#refuse = refuse;
  }

  /** How many are open, those that wait among them. */
  get open(): number {
    return this.#open.all;
  }

  /**
   * Begins a call: at once if few others have come, else in a later turn of the event loop, and not
   * at all if it is closed by then. Beyond the bounds a call is refused; where too many wait, it is
   * the newest of the group that has most.
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
    // Whoever begins the call listens only then, and an error that nobody hears ends the process.
    stream.on("error", () => {});
    const calls = this.#waiting.get(group);
    if (calls) calls.push({ stream, begin });
    else this.#waiting.set(group, [{ stream, begin }]);
    if (++this.#waitingCalls > this.#bounds.maxWaiting) this.#refuseNewest();
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
      // Behind the other groups, if it has more.
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

  #limitOf(group: Group): CallLimit | undefined {
    const { maxOpen, maxOpenPerGroup, maxIncomplete, maxIncompletePerGroup } = this.#bounds;
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
