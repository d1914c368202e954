// Keeps the clocks of time zones in the database, so that calendars in SQL have the same boundaries
// as in REST and gRPC: PostgreSQL's own time zones may be of another version.
import type { Log } from "../../runtime/log.ts";
import { zoneStretches } from "../history/zone-clocks.ts";
import { toArray } from "./binary-arrays.ts";
import type { Database } from "./database.ts";

export type ZoneClocksOptions = {
  database: Pick<Database, "read" | "compact">;
  /** Version of the time zone database that this process has: "2026c". */
  version: string;
  log: Log;
};

/** Zones are kept one after the other, in the background. Failures are logged, and retried. */
export class ZoneClocks implements AsyncDisposable {
  readonly #options: ZoneClocksOptions;
  readonly #known = new Set<string>();
  #last: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(options: ZoneClocksOptions) {
    this.#options = options;
  }

  /** Keeps a zone that an answer used. Names of offsets ("+05:30") are not kept. */
  use(timeZone: string | undefined): void {
    if (timeZone === undefined) return;
    const name = timeZone.toLowerCase();
    if (this.#closed || this.#known.has(name) || /^[+-]/.test(name)) return;
    this.#known.add(name);
    this.#then(() => this.#keep(name), name);
  }

  /** Updates zones that an older version has written to this one. */
  refresh(): void {
    this.#then(async () => {
      const { database, version } = this.#options;
      const rows = await database.read(
        "select distinct zone from zone_clock where version < $1::text",
        [version],
        {},
      );
      for (const [zone] of rows as [string][]) this.use(zone);
    });
  }

  /** Resolves when all work requested so far is done. */
  async settled(): Promise<void> {
    await this.#last;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await this.#last;
  }

  #then(work: () => Promise<void>, name?: string): void {
    this.#last = this.#last.then(async () => {
      if (this.#closed) return;
      try {
        await work();
      } catch (error) {
        if (name !== undefined) this.#known.delete(name);
        this.#options.log.warn("could not keep the clocks of a time zone for SQL", {
          zone: name,
          error,
        });
      }
    });
  }

  async #keep(name: string): Promise<void> {
    const { database, version } = this.#options;
    const stretches = await zoneStretches(name);
    // On the connection of compaction, so that no ingest waits behind it.
    await database.compact(
      "select keep_zone_clock($1::text, $2::text, $3::int8[], $4::int8[], $5::int8[])",
      [
        name,
        version,
        toArray.int8(stretches.map(({ fromUs }) => fromUs)),
        toArray.int8(stretches.map(({ toUs }) => toUs)),
        toArray.int8(stretches.map(({ offsetUs }) => offsetUs)),
      ],
      { name: "keep_zone_clock" },
    );
  }
}
