// The faults, by name: each does its harm for a bounded time and then undoes whatever does not
// recover by itself.
import { setTimeout as sleep } from "node:timers/promises";
import { grpcHarm } from "../neighbour/grpc-harm.ts";
import { endure } from "../neighbour/harm.ts";
import type { KeptPostgres } from "./kept-postgres.ts";
import type { KeptProcess } from "./process.ts";
import type { Promotion } from "./promotion.ts";
import type { FaultProxy } from "./proxy.ts";
import type { Random } from "./random.ts";
import type { Subscriber } from "./subscriber.ts";
import type { Writer } from "./writer.ts";

/** An accessor with its proxies: `front` to its clients, `back` to PostgreSQL. */
export type Accessor = { process: KeptProcess; front: FaultProxy; back: FaultProxy };

export type Arena = {
  accessors: readonly Accessor[];
  postgres: KeptPostgres;
  database: string;
  writers: readonly Writer[];
  subscribers: readonly Subscriber[];
  /** The producer with a spool, in the rounds that have one. */
  spool: KeptProcess | undefined;
  /** The proxy of PostgreSQL's standby, in the rounds that have one. */
  promotion: Promotion | undefined;
};

type Fault = (arena: Arena, random: Random) => Promise<void> | void;

/**
 * Failpoints in the accessor. An exit is armed for one of the first passes of the point, up to this
 * number.
 */
export const accessorFailpoints: Record<string, number> = {
  "ingest.before-welcome": 3,
  "ingest.before-commit": 20,
  "ingest.after-commit": 20,
  "ingest.after-publish": 20,
  "ingest.before-ack": 30,
  "tail.read": 3,
  "feed.catch-up": 2,
  "feed.hand-over": 2,
  "compact.gathered": 3,
  "compact.before-commit": 3,
  "compact.after-commit": 3,
};

/** Failpoints in the producer. */
export const spoolFailpoints: Record<string, number> = {
  "spool.before-write": 15,
  "spool.before-fsync": 15,
  "spool.after-fsync": 15,
  "spool.before-roll": 1,
  "spool.after-roll": 1,
  "spool.before-ack": 8,
  "spool.after-ack": 8,
  "spool.before-delete": 1,
  "spool.after-delete": 1,
  "uplink.before-send": 15,
  "uplink.before-ack": 8,
  "uplink.after-ack": 8,
};

const drawPoint = (points: Record<string, number>, random: Random, action: string) => {
  const name = random.pick(Object.keys(points));
  return `${name}=${action}@${random.int(1, points[name]!)}`;
};

const onProxy =
  (
    side: "front" | "back",
    harm: (proxy: FaultProxy, random: Random) => Promise<void> | void,
  ): Fault =>
  (arena, random) =>
    harm(random.pick(arena.accessors)[side], random);

const stopped = async (target: { signal(name: "SIGSTOP" | "SIGCONT"): void }, ms: number) => {
  target.signal("SIGSTOP");
  await sleep(ms);
  target.signal("SIGCONT");
};

const proxyHarms: Record<string, (proxy: FaultProxy, random: Random) => Promise<void> | void> = {
  cut: (proxy) => proxy.cut("end"),
  reset: (proxy) => proxy.cut("reset"),
  async away(proxy, random) {
    proxy.refuse(true);
    proxy.cut("reset");
    await sleep(random.int(100, 800));
    proxy.refuse(false);
  },
  async slow(proxy, random) {
    proxy.delay(random.int(5, 60));
    await sleep(random.int(300, 1_000));
    proxy.delay(0);
  },
  async bytes(proxy, random) {
    proxy.dribble(true);
    await sleep(random.int(200, 700));
    proxy.dribble(false);
  },
  async "half-open"(proxy, random) {
    proxy.swallow(true);
    await sleep(random.int(300, 2_500));
    proxy.swallow(false);
  },
};

const backend = async ({ postgres, database }: Arena, random: Random) => {
  const pids = await postgres.backends(database);
  return pids.length === 0 ? undefined : random.pick(pids);
};

const signalPid = (pid: number, name: NodeJS.Signals) => {
  try {
    process.kill(pid, name);
  } catch {
    // The process has ended meanwhile.
  }
};

export const faults: Record<string, Fault> = {
  "accessor kill": ({ accessors }, random) => random.pick(accessors).process.signal("SIGKILL"),
  "accessor term": ({ accessors }, random) => random.pick(accessors).process.signal("SIGTERM"),
  "accessor stop": ({ accessors }, random) =>
    stopped(random.pick(accessors).process, random.int(100, 1_800)),
  "accessor exits at a failpoint": ({ accessors }, random) =>
    random.pick(accessors).process.rearm(drawPoint(accessorFailpoints, random, "exit")),
  "accessor throws at a failpoint": ({ accessors }, random) =>
    random.pick(accessors).process.rearm(drawPoint(accessorFailpoints, random, "throw")),
  "accessor stalls at a failpoint": ({ accessors }, random) =>
    random.pick(accessors).process.rearm(drawPoint(accessorFailpoints, random, "delay:400")),
  async "postgres immediate shutdown"({ postgres }) {
    postgres.signal("SIGQUIT");
    await sleep(100);
    await postgres.up();
  },
  async "postgres kill"({ postgres }) {
    postgres.signal("SIGKILL");
    await sleep(100);
    await postgres.up();
  },
  "postgres stop": ({ postgres }, random) => stopped(postgres, random.int(100, 1_200)),
  async "backend kill"(arena, random) {
    const pid = await backend(arena, random);
    if (pid !== undefined) signalPid(pid, "SIGKILL");
  },
  async "backend stop"(arena, random) {
    const pid = await backend(arena, random);
    if (pid !== undefined)
      await stopped({ signal: (name) => signalPid(pid, name) }, random.int(100, 1_500));
  },
  async "backend terminate"(arena, random) {
    const pid = await backend(arena, random);
    if (pid !== undefined)
      await arena.postgres.ask(arena.database, `select pg_terminate_backend(${pid})`);
  },
  async "lock held"({ postgres, database }, random) {
    await postgres.ask(database, `select lock_revisions(), pg_sleep(${random.int(1, 12) / 10})`);
  },
  async "disk full"({ postgres }, random) {
    await postgres.fillDisk(random.int(200, 1_500));
    await postgres.up();
  },
  "clock step": ({ accessors }, random) =>
    random.pick(accessors).process.stepClock(random.pick(["+1h", "-1h", "+400d", "-400d", "+0"])),
  async herd({ subscribers, accessors }) {
    for (const { front } of accessors) front.cut("reset");
    for (const subscriber of subscribers) subscriber.restart();
    await sleep(50);
  },
  async "hostile client"({ accessors }, random) {
    const url = `http://127.0.0.1:${random.pick(accessors).front.port}`;
    const harm = random.pick(Object.values(grpcHarm));
    await endure(harm, {
      accessorUrl: url,
      gatewayUrl: url,
      key: "",
      lengthMs: random.int(300, 1_500),
    });
  },
  "spool kill": ({ spool }) => spool?.signal("SIGKILL"),
  "spool stop": async ({ spool }, random) => spool && stopped(spool, random.int(100, 1_000)),
  "spool exits at a failpoint": ({ spool }, random) =>
    spool?.rearm(drawPoint(spoolFailpoints, random, "exit")),
  ...Object.fromEntries(
    (["front", "back"] as const).flatMap((side) =>
      Object.entries(proxyHarms).map(([name, harm]) => [`${side} ${name}`, onProxy(side, harm)]),
    ),
  ),
};

/**
 * Whether a fault ends or stops PostgreSQL or its sessions: while a standby is promoted, only the
 * promotion may do that.
 */
export const isOfPostgres = (name: string): boolean => /^(postgres|backend|disk|lock) /.test(name);
