// One side of the soak: accessors on a database of their own, a producer with a spool, subscribers,
// and proxies between all of them.
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { openUplink } from "../client/send/uplink.ts";
import { reach } from "./chaos/clients.ts";
import type { Accessor } from "./chaos/faults.ts";
import type { KeptPostgres } from "./chaos/kept-postgres.ts";
import { KeptProcess } from "./chaos/process.ts";
import { openFaultProxy } from "./chaos/proxy.ts";
import type { Random } from "./chaos/random.ts";
import type { RoundRecord } from "./chaos/record.ts";
import { Subscriber } from "./chaos/subscriber.ts";
import { heapArguments, heapPath } from "./heaps.ts";

export type Side = {
  readonly name: string;
  readonly database: string;
  readonly accessors: readonly Accessor[];
  /** Between the producer and one of the accessors, another accessor for each connection. */
  readonly entry: Accessor["front"];
  readonly producer: KeptProcess;
  readonly subscribers: readonly Subscriber[];
  /** Subscribers that came for a while. */
  readonly passing: Subscriber[];
  /** The cursor of the empty database. */
  readonly begin: string;
  readonly seed: number;
};

export type SideOptions = {
  name: string;
  accessors: number;
  machines: number;
  seed: number;
  postgres: KeptPostgres;
  record: RoundRecord;
  random: Random;
  stack: AsyncDisposableStack;
  /** Whether its processes report their heap. */
  heaps?: boolean;
};

export async function openSide(options: SideOptions): Promise<Side> {
  const { name, machines, seed, postgres, record, random, stack } = options;
  const told = (process: string) => (options.heaps ? heapArguments(heapPath(record, process)) : []);
  const database = `soak_${name}_${Date.now().toString(36)}`;
  const accessors: Accessor[] = [];
  const ports: number[] = [];
  for (let i = 1; i <= options.accessors; i++) {
    const port = await freePort();
    ports.push(port);
    const back = stack.use(await openFaultProxy(() => postgres.port));
    const front = stack.use(await openFaultProxy(() => port));
    const process = new KeptProcess({
      name: `accessor-${name}${i}`,
      file: "accessor/main.ts",
      nodeArgs: told(`accessor-${name}${i}`),
      args: ["--listen", `127.0.0.1:${port}`, "--bookmark-interval", "500ms"],
      env: { DATABASE_URL: postgres.url(database, back.port), MILLRACE_MAX_AGE: "unlimited" },
      record,
    });
    accessors.push({ process: stack.use(process), front, back });
    process.start();
  }
  const fronts = accessors.map(({ front }) => front.port);
  const begin = await firstCursor(fronts, random);
  const entry = stack.use(await openFaultProxy(() => random.pick(ports)));
  const producer = stack.use(
    new KeptProcess({
      name: `producer-${name}`,
      file: "producer/main.ts",
      nodeArgs: told(`producer-${name}`),
      args: [
        "--accessor",
        `http://127.0.0.1:${entry.port}`,
        "--machines",
        String(machines),
        "--seed",
        String(seed),
        "--producer-id",
        `soak-${name}`,
        "--spool",
        `${record.folder}/spool-${name}`,
      ],
      record,
    }),
  );
  producer.start();
  const kinds = [
    { name: "all", machines: [], signals: [], after: begin, slowMs: 0 },
    { name: "slow", machines: [], signals: [], after: begin, slowMs: 600 },
    { name: "one machine", machines: ["press-2"], signals: [], after: begin, slowMs: 0 },
    { name: "events", machines: [], signals: ["state", "error"], after: begin, slowMs: 0 },
  ];
  const subscribers = kinds.map(
    (kind) =>
      new Subscriber({
        ...kind,
        name: `${name} ${kind.name}`,
        ports: fronts,
        record,
        random: random.fork(kind.name),
      }),
  );
  const passing: Subscriber[] = [];
  stack.defer(async () => {
    for (const one of [...subscribers, ...passing]) one.close();
    await Promise.all([...subscribers, ...passing].map(({ running }) => running));
  });
  return { name, database, accessors, entry, producer, subscribers, passing, begin, seed };
}

/** A subscriber that starts at a cursor that another received. */
export function resumeOn(
  { name, accessors, subscribers, passing }: Side,
  { random, record, slowMs }: { random: Random; record: RoundRecord; slowMs: number },
): Subscriber {
  const from = random.pick(subscribers);
  const after = from.marks.length > 0 ? random.pick(from.marks).cursor : from.startCursor;
  const { machines, signals } = random.pick(subscribers).options;
  const ports = accessors.map(({ front }) => front.port);
  const one = new Subscriber({
    name: `${name} resumed`,
    machines,
    signals,
    after,
    slowMs,
    ports,
    record,
    random,
  });
  passing.push(one);
  return one;
}

/**
 * Ends the producer and sends the rest of its spool, so that everything it accepted is
 * acknowledged. Returns how many batches the rest was.
 */
export async function drain({ accessors, producer }: Side, record: RoundRecord): Promise<number> {
  await producer[Symbol.asyncDispose]();
  await using uplink = await openUplink({
    accessor: `http://127.0.0.1:${accessors[0]!.front.port}`,
    spoolDir: `${record.folder}/spool-${producer.name.replace("producer-", "")}`,
  });
  const { heldBatches } = uplink.status;
  await uplink.flush({ abort: AbortSignal.timeout(60_000) });
  return heldBatches;
}

async function firstCursor(ports: readonly number[], random: Random): Promise<string> {
  for (let tries = 1; ; tries++) {
    using clients = reach(ports, random);
    try {
      return (await clients.signals.getLatest({}, { timeoutMs: 1_000 })).cursor;
    } catch (error) {
      if (tries === 200) throw error;
      await sleep(100);
    }
  }
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });
}
