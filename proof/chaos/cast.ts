// The participants of a round besides the services: writers, a pair that shares an id, subscribers
// of every kind.
import { machines } from "./batches.ts";
import { losesCommits, type Plan } from "./plan.ts";
import type { Random } from "./random.ts";
import type { RoundRecord } from "./record.ts";
import { Subscriber } from "./subscriber.ts";
import { Writer } from "./writer.ts";

export type Starting = { ports: readonly number[]; record: RoundRecord; random: Random };

export function startWriters(plan: Plan, { ports, record, random }: Starting): Writer[] {
  const common = { seed: plan.seed, mayAlter: !losesCommits(plan), ports, record };
  const writers = [1, 2, 3].map((i) => {
    const own = random.fork(`writer ${i}`);
    return new Writer({
      ...common,
      producer: `p${i}`,
      variant: 0,
      shared: false,
      unary: i === 3 && own.chance(0.5),
      random: own,
      intervalMs: own.int(3, 15),
    });
  });
  if (plan.sharedProducer)
    for (const variant of [1, 2])
      writers.push(
        new Writer({
          ...common,
          producer: "twins",
          variant,
          shared: true,
          unary: false,
          random: random.fork(`twin ${variant}`),
          intervalMs: 25,
        }),
      );
  return writers;
}

export function startSubscribers({
  ports,
  record,
  random,
  begin,
  plan,
}: Starting & { begin: string | undefined; plan: Plan }): Subscriber[] {
  const mayBeTold = losesCommits(plan);
  const kinds = [
    { name: "all", machines: [], signals: [], after: begin, slowMs: 0 },
    { name: "slow", machines: [], signals: [], after: begin, slowMs: 150 },
    {
      name: "one machine",
      machines: [random.pick(machines)],
      signals: [],
      after: begin,
      slowMs: 0,
    },
    { name: "some signals", machines: [], signals: ["power", "error"], after: begin, slowMs: 20 },
    { name: "now", machines: [], signals: [], after: undefined, slowMs: 0 },
  ];
  return kinds.map(
    (kind) => new Subscriber({ ...kind, mayBeTold, ports, record, random: random.fork(kind.name) }),
  );
}

/** Watches that start at cursors which other watches have received. */
export function resume(
  subscribers: readonly Subscriber[],
  { ports, record, random, plan }: Starting & { plan: Plan },
): Subscriber[] {
  return Array.from({ length: 8 }, (_, i) => {
    const from = random.pick(subscribers);
    const after = from.marks.length > 0 ? random.pick(from.marks).cursor : from.startCursor;
    const { machines, signals } = random.pick(subscribers).options;
    return new Subscriber({
      name: `resumed ${i}`,
      machines,
      signals,
      after,
      slowMs: 0,
      mayBeTold: losesCommits(plan),
      ports,
      record,
      random: random.fork(i),
    });
  });
}
