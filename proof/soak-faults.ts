// The faults of the soak: those that end or stop processes affect one side only; PostgreSQL and
// connections are cut under both.
import { setTimeout as sleep } from "node:timers/promises";
import type { KeptPostgres } from "./chaos/kept-postgres.ts";
import type { Random } from "./chaos/random.ts";
import type { RoundRecord } from "./chaos/record.ts";
import { resumeOn, type Side } from "./side.ts";

export type SoakArena = {
  hit: Side;
  sides: readonly Side[];
  postgres: KeptPostgres;
  record: RoundRecord;
};

type Fault = (arena: SoakArena, random: Random) => Promise<void> | void;

const stopped = async (target: { signal(name: "SIGSTOP" | "SIGCONT"): void }, ms: number) => {
  target.signal("SIGSTOP");
  await sleep(ms);
  target.signal("SIGCONT");
};

const proxiesOf = ({ accessors, entry }: Side) => [entry, ...accessors.map(({ front }) => front)];

export const soakFaults: Record<string, Fault> = {
  "accessor kill": ({ hit }, random) => random.pick(hit.accessors).process.signal("SIGKILL"),
  "accessor term": ({ hit }, random) => random.pick(hit.accessors).process.signal("SIGTERM"),
  "accessor stop": ({ hit }, random) =>
    stopped(random.pick(hit.accessors).process, random.int(2_000, 6_000)),
  "producer kill": ({ hit }) => hit.producer.signal("SIGKILL"),
  "producer stop": ({ hit }, random) => stopped(hit.producer, random.int(2_000, 6_000)),
  async "postgres immediate restart"({ postgres }) {
    postgres.signal("SIGQUIT");
    await sleep(100);
    await postgres.up();
  },
  "postgres stop": ({ postgres }, random) => stopped(postgres, random.int(1_000, 4_000)),
  "clients cut"({ sides }, random) {
    for (const side of sides)
      for (const proxy of proxiesOf(side)) proxy.cut(random.pick(["end", "reset"]));
  },
  "database cut"({ sides }) {
    for (const { accessors } of sides) for (const { back } of accessors) back.cut("reset");
  },
  async "clients half-open"({ sides }, random) {
    const proxies = sides.flatMap(proxiesOf);
    for (const proxy of proxies) proxy.swallow(true);
    await sleep(random.int(3_000, 8_000));
    for (const proxy of proxies) proxy.swallow(false);
  },
  async "accessor away"({ sides }, random) {
    const proxies = sides.flatMap(proxiesOf);
    for (const proxy of proxies) {
      proxy.refuse(true);
      proxy.cut("reset");
    }
    await sleep(random.int(4_000, 9_000));
    for (const proxy of proxies) proxy.refuse(false);
  },
  async "slow subscriber"({ sides, record }, random) {
    const slow = sides.map((side) => resumeOn(side, { random, record, slowMs: 400 }));
    await sleep(15_000);
    for (const one of slow) one.close();
  },
  herd({ sides }) {
    for (const { subscribers } of sides) for (const one of subscribers) one.restart();
  },
};

/** An endless series of fault names, each kind once before any repeats. */
export function* drawFaults(random: Random): Generator<string, never> {
  for (;;) {
    const bag = Object.keys(soakFaults);
    while (bag.length > 0) yield bag.splice(random.int(0, bag.length - 1), 1)[0]!;
  }
}
