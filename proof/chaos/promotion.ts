// The standby of a round's PostgreSQL, and its promotion: planned, with a synchronous standby, or
// lossy, with one that lacks the newest commits.
import { randomBytes } from "node:crypto";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Postgres } from "../../local/postgres.ts";
import { eventually } from "../../test/testing/eventually.ts";
import { askServer, caughtUp, holdBack, openStandby } from "../../test/testing/standby.ts";
import { type Fork, GivenUp } from "./given-up.ts";
import { type KeptPostgres, start } from "./kept-postgres.ts";
import type { FaultProxy } from "./proxy.ts";
import type { Random } from "./random.ts";
import { readStored, type Stored } from "./stored.ts";

/**
 * switchover: an orderly stop of the primary, which sends everything to its standby before it ends.
 * synchronous: the primary dies at any moment, and no commit that the standby lacks was
 * acknowledged. lossy: the standby is asynchronous and behind, so the newest commits are lost.
 */
export const promotions = ["lossy", "synchronous", "switchover"] as const;
export type PromotionKind = (typeof promotions)[number];

type Waiting = { server: Postgres; replication: FaultProxy; dataDir: string };

export class Promotion implements AsyncDisposable {
  readonly kind: PromotionKind;
  readonly #postgres: KeptPostgres;
  readonly #stack: AsyncDisposableStack;
  #standby: Waiting;
  #formerDir: string | undefined;
  #fork: Fork | undefined;

  private constructor(
    kind: PromotionKind,
    {
      postgres,
      standby,
      stack,
    }: { postgres: KeptPostgres; standby: Waiting; stack: AsyncDisposableStack },
  ) {
    this.kind = kind;
    this.#postgres = postgres;
    this.#standby = standby;
    this.#stack = stack;
  }

  /** Opens the standby; before any writer starts, so that the copy is quick. */
  static async open(kind: PromotionKind, postgres: KeptPostgres): Promise<Promotion> {
    await using stack = new AsyncDisposableStack();
    const dataDir = join(tmpdir(), `millrace-chaos-${randomBytes(6).toString("hex")}`);
    const primary = { url: postgres.url("postgres") };
    // WAL that the standby has not received yet must survive restarts of the primary.
    await set(primary, "wal_keep_size", "'128MB'");
    stack.defer(() => rm(dataDir, { recursive: true, force: true }));
    const { server, replication } = await openStandby({
      primary,
      port: () => postgres.port,
      from: postgres.dataDir,
      to: dataDir,
      stack,
      // No checkpoint records the new timeline soon after the promotion.
      open: (settings) =>
        start(dataDir, {
          settings: { ...settings, checkpoint_timeout: "1d" },
          logPath: postgres.logPath,
        }),
    });
    await caughtUp(primary, server);
    if (kind === "synchronous") await set(primary, "synchronous_standby_names", "'standby'");
    return new Promotion(kind, {
      postgres,
      standby: { server, replication, dataDir },
      stack: stack.move(),
    });
  }

  /** Where the histories diverge; undefined before the promotion. */
  get fork(): Fork | undefined {
    return this.#fork;
  }

  /**
   * Brings the standby to the point of its promotion: with everything that any client has seen, or
   * without whatever is committed from now on. No other fault may end or stop servers and sessions
   * of PostgreSQL from here to the end of the promotion.
   */
  async prepare({
    random,
    flowing,
  }: {
    random: Random;
    flowing: () => Promise<void>;
  }): Promise<void> {
    const { server, replication } = this.#standby;
    await this.#postgres.up();
    const primary = { url: this.#postgres.url("postgres") };
    // Includes commits that became visible by a crash or an ended session before they were sent.
    const caught = () =>
      caughtUp(primary, server).then(
        () => true,
        () => false,
      );
    await eventually("the standby has what the primary has", caught, { withinMs: 20_000 });
    if (this.kind === "switchover" || (this.kind === "synchronous" && random.chance(0.5))) return;
    holdBack(replication);
    if (this.kind === "lossy") await flowing();
    await sleep(random.int(20, 600));
  }

  /** Ends the primary, for good, and promotes the standby. */
  async happen(database: string, random: Random): Promise<void> {
    const { server, dataDir } = this.#standby;
    const signal =
      this.kind === "switchover" ? "SIGINT" : random.pick(["SIGQUIT", "SIGKILL"] as const);
    this.#formerDir = this.#postgres.dataDir;
    await this.#postgres.replace(signal, async () => {
      const [promoted] = await askServer(server.url, "select pg_promote() as done");
      if (promoted!["done"] !== true) throw new Error("the standby was not promoted within 60 s");
      this.#fork = await forkOf(server, database);
      return { server, dataDir };
    });
  }

  /** The commits that were given up; undefined if none may be. */
  async givenUp(database: string, now: Stored): Promise<GivenUp | undefined> {
    if (this.kind !== "lossy" || this.#fork === undefined) return undefined;
    // No other process knows its port.
    await using former = await start(this.#formerDir!, { logPath: this.#postgres.logPath });
    const url = new URL(former.url);
    url.pathname = `/${database}`;
    return new GivenUp(this.#fork, { before: await readStored(url.href), now });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#fork === undefined) {
      await set(
        { url: this.#postgres.url("postgres") },
        "synchronous_standby_names",
        "default",
      ).catch(() => {});
      await this.#stack.disposeAsync();
      return;
    }
    // From now on, the promoted server is the run's PostgreSQL.
    await this.#standby.replication[Symbol.asyncDispose]();
    await rm(this.#formerDir!, { recursive: true, force: true });
  }
}

async function set(server: Pick<Postgres, "url">, name: string, value: string): Promise<void> {
  await askServer(server.url, `alter system set ${name} = ${value}`);
  await askServer(server.url, "select pg_reload_conf()");
}

/** For a primary without writes since its promotion. */
async function forkOf(server: Pick<Postgres, "url">, database: string): Promise<Fork> {
  const url = new URL(server.url);
  url.pathname = `/${database}`;
  const [row] = await askServer(
    url.href,
    "select (select coalesce(max(revision), 0)::float from receipt) as head, (select max(epoch)::float from epoch) as epoch",
  );
  return { revision: Number(row!["head"]) + 1, epoch: Number(row!["epoch"]) };
}
