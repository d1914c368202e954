// Connections to a server: how many there may be, of one address and in all. Decided as they come,
// before a byte is read.
import type { Socket } from "node:net";

export type ConnectionLimits = {
  maxConnections: number;
  maxPerAddress: number;
  /** Addresses that count as one. Default: each by itself. */
  groupOf?: (address: string) => string;
  /** Addresses that count among all only. Default none. */
  isExempt?: (address: string) => boolean;
  /** Told of each connection that is closed as it comes. */
  onRefused?: (refusal: {
    limit: "connections" | "connections-per-address";
    peer: string | undefined;
  }) => void;
};

export class Connections {
  readonly #limits: ConnectionLimits;
  readonly #byAddress = new Map<string, number>();
  #open = 0;
  readonly #whenNone: (() => void)[] = [];

  constructor(limits: ConnectionLimits) {
    this.#limits = limits;
  }

  get open(): number {
    return this.#open;
  }

  /** Resolves when there is none. */
  none(): Promise<void> {
    if (this.#open === 0) return Promise.resolve();
    return new Promise((resolve) => this.#whenNone.push(resolve));
  }

  /** What an address counts as; undefined if it has no bound of its own. */
  groupOf(address = ""): string | undefined {
    const { groupOf = (own) => own, isExempt } = this.#limits;
    return isExempt?.(address) ? undefined : groupOf(address);
  }

  /** Counts a connection until it closes, or closes it. Answers whether it may stay. */
  admit(socket: Socket): boolean {
    const { maxConnections, groupOf = (address) => address, isExempt, onRefused } = this.#limits;
    const address = socket.remoteAddress ?? "";
    const group = groupOf(address);
    const maxPerAddress = isExempt?.(address) ? maxConnections : this.#limits.maxPerAddress;
    const own = this.#byAddress.get(group) ?? 0;
    if (this.#open >= maxConnections || own >= maxPerAddress) {
      const limit = own >= maxPerAddress ? "connections-per-address" : "connections";
      onRefused?.({ limit, peer: socket.remoteAddress });
      socket.destroy();
      return false;
    }
    this.#open++;
    this.#byAddress.set(group, own + 1);
    socket.once("close", () => {
      this.#open--;
      if (this.#open === 0) for (const resolve of this.#whenNone.splice(0)) resolve();
      const left = this.#byAddress.get(group)! - 1;
      if (left > 0) this.#byAddress.set(group, left);
      else this.#byAddress.delete(group);
    });
    return true;
  }
}
