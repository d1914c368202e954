// Bounds on connections to a server, per address and in total, applied as connections arrive,
// before a byte is read.
import type { Socket } from "node:net";

export type ConnectionLimits = {
  maxConnections: number;
  maxPerAddress: number;
  /** Groups addresses that count as one. Default: each by itself. */
  groupOf?: (address: string) => string;
  /** Addresses that count only in the total. Default none. */
  isExempt?: (address: string) => boolean;
  /** Called for each connection that is closed on arrival. */
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

  /** Resolves when no connection is left. */
  none(): Promise<void> {
    if (this.#open === 0) return Promise.resolve();
    return new Promise((resolve) => this.#whenNone.push(resolve));
  }

  /** The group that an address counts in; undefined if it has no bound of its own. */
  groupOf(address = ""): string | undefined {
    const { groupOf = (own) => own, isExempt } = this.#limits;
    return isExempt?.(address) ? undefined : groupOf(address);
  }

  /** Counts a connection until it closes, or closes it. Returns whether it may stay. */
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
