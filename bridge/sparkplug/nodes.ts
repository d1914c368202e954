// What is known of the nodes and their devices: births, aliases, numbers of messages, who is alive.
import type { BornMetric } from "./metric-rules.ts";

/** A node itself, or a device of it, since its birth. */
export type Born = {
  readonly machine: string;
  readonly byName: ReadonlyMap<string, BornMetric>;
  readonly byAlias: ReadonlyMap<bigint, BornMetric>;
  /** Whether its state was written, so that its death is one. */
  readonly hasState: boolean;
};

export type Node = {
  /** Undefined: no birth was seen. */
  bdSeq: bigint | undefined;
  lastSeq: number | undefined;
  /** Whether every message since the birth was seen: only then an alias is certain. */
  isComplete: boolean;
  /** By the device's id; "" is the node itself. */
  readonly born: Map<string, Born>;
  askedUs: number;
  /** When its machines were last written as OFF: a birth is later, whatever its clock says. */
  readonly deadUs: Map<string, number>;
};

export type NodesOptions = {
  /** Default 10,000. */
  maxNodes?: number;
  /** Most metrics that are alive, of all nodes; default 1,000,000. */
  maxMetrics?: number;
  /** Least time between two requests for a rebirth of one node; default 10 s. */
  askEveryUs?: number;
};

/** A birth counts even without metrics. */
const sizeOf = ({ byName }: Born) => byName.size + 1;

export class Nodes {
  readonly #nodes = new Map<string, Node>();
  readonly #maxNodes: number;
  readonly #maxMetrics: number;
  readonly #askEveryUs: number;
  #metrics = 0;

  constructor({ maxNodes = 10_000, maxMetrics = 1_000_000, askEveryUs = 10e6 }: NodesOptions = {}) {
    this.#maxNodes = maxNodes;
    this.#maxMetrics = maxMetrics;
    this.#askEveryUs = askEveryUs;
  }

  /** Metrics that are known now, and one for each birth. */
  get metrics(): number {
    return this.#metrics;
  }

  /** The node, which is made if it is new; undefined if there are too many. */
  get({ group, node }: { group: string; node: string }): Node | undefined {
    const key = `${group}/${node}`;
    const known = this.#nodes.get(key);
    if (known !== undefined) return known;
    if (this.#nodes.size >= this.#maxNodes) return undefined;
    const made: Node = {
      bdSeq: undefined,
      lastSeq: undefined,
      isComplete: false,
      born: new Map(),
      askedUs: -Infinity,
      deadUs: new Map(),
    };
    this.#nodes.set(key, made);
    return made;
  }

  /** Keeps a birth in place of an earlier one; false if there would be too many metrics. */
  bear(node: Node, device: string, born: Born): boolean {
    this.forget(node, device);
    if (this.#metrics + sizeOf(born) > this.#maxMetrics) return false;
    this.#metrics += sizeOf(born);
    node.born.set(device, born);
    return true;
  }

  forget(node: Node, device: string): void {
    const born = node.born.get(device);
    if (born === undefined) return;
    this.#metrics -= sizeOf(born);
    node.born.delete(device);
  }

  forgetAll(node: Node): void {
    for (const device of [...node.born.keys()]) this.forget(node, device);
  }

  /**
   * Notes the number of a message. Returns whether it follows the one before; a message that the
   * broker sends again and that has been counted does not count twice.
   */
  follow(node: Node, seq: bigint | undefined, { redelivered }: { redelivered: boolean }): boolean {
    if (node.lastSeq === undefined || seq === undefined) return node.isComplete;
    const given = Number(seq & 255n);
    if (redelivered && ((node.lastSeq - given) & 255) < 128) return node.isComplete;
    if (given !== ((node.lastSeq + 1) & 255)) node.isComplete = false;
    node.lastSeq = given;
    return node.isComplete;
  }

  /** Whether to ask the node for a rebirth now: not again within a short time. */
  mayAsk(node: Node, nowUs: number): boolean {
    if (nowUs - node.askedUs < this.#askEveryUs) return false;
    node.askedUs = nowUs;
    return true;
  }
}
