// Names in order (by code point), of which few are added and none is removed: found from any
// position, by prefix, without a scan of all.

import { compareText } from "../../codec/compare-text.ts";
import { lowerIndex } from "../../codec/lower-bound.ts";

// Above this number, sorting all is cheaper than inserting each in its place.
const maxInserts = 64;

export class SortedNames {
  #sorted: string[] = [];
  #fresh: string[] = [];

  get size(): number {
    return this.#sorted.length + this.#fresh.length;
  }

  /** It must not be present yet. */
  add(name: string): void {
    this.#fresh.push(name);
  }

  /** All, ascending. Must not be changed. */
  all(): readonly string[] {
    if (this.#fresh.length > maxInserts) {
      this.#sorted = [...this.#sorted, ...this.#fresh].sort(compareText);
    } else for (const name of this.#fresh) this.#sorted.splice(this.#indexOf(name), 0, name);
    this.#fresh = [];
    return this.#sorted;
  }

  /** The first ones after a name. */
  after(name: string, limit: number): string[] {
    const all = this.all();
    const start = this.#indexOf(`${name}\0`);
    return all.slice(start, start + limit);
  }

  /** One after the other, from the first after a name, of those that are there now. */
  *from(name: string): Generator<string, void, undefined> {
    const all = this.all();
    for (let i = this.#indexOf(`${name}\0`); i < all.length; i++) yield all[i]!;
  }

  /** Those that begin with a prefix. */
  withPrefix(prefix: string): string[] {
    const all = this.all();
    let end = this.#indexOf(prefix);
    const start = end;
    while (end < all.length && all[end]!.startsWith(prefix)) end++;
    return all.slice(start, end);
  }

  /** Index of the first that is not before a name. */
  #indexOf(name: string): number {
    return lowerIndex(this.#sorted.length, (i) => compareText(this.#sorted[i]!, name) < 0);
  }
}
