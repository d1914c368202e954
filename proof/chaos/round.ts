// One round: processes and clients start, faults happen, faults stop, everything settles, the
// oracle judges.
import { once } from "node:events";
import { existsSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { resume, startSubscribers, startWriters } from "./cast.ts";
import { reach } from "./clients.ts";
import type { Accessor, Arena } from "./faults.ts";
import { isBeyond } from "./given-up.ts";
import { harm } from "./harm.ts";
import { judgeFork } from "./judge-fork.ts";
import { judgeSettled } from "./judge-settled.ts";
import type { KeptPostgres } from "./kept-postgres.ts";
import { judge, type Tally } from "./oracle.ts";
import { atResume, type Plan } from "./plan.ts";
import { KeptProcess } from "./process.ts";
import { Promotion } from "./promotion.ts";
import { openFaultProxy } from "./proxy.ts";
import { createRandom, type Random } from "./random.ts";
import { Reader } from "./reader.ts";
import { openRecord, type RoundRecord } from "./record.ts";
import { settle } from "./settle.ts";
import { judgeSpool } from "./spool-batches.ts";
import { readStored } from "./stored.ts";

export type RoundResult = Tally & {
  seed: number;
  violations: readonly string[];
  hangs: number;
  faults: number;
  /** The outcome of the standby, in words; undefined without one. */
  promoted: string | undefined;
  feeds: number;
  answers: number;
  fired: readonly string[];
  tookMs: number;
};

const startDeadlineMs = 60_000;

export async function runRound(
  plan: Plan,
  { postgres, folder }: { postgres: KeptPostgres; folder: string },
): Promise<RoundResult> {
  const startedMs = performance.now();
  const random = createRandom(plan.seed);
  const record = openRecord(folder);
  record.note({ who: "harness", what: "plan", ...plan });
  const database = `chaos_${plan.seed}_${Date.now().toString(36)}`;
  let hangs = 0;
  const hang = (what: string) => {
    hangs++;
    record.violation(`hang: ${what}`);
  };
  await using stack = new AsyncDisposableStack();
  stack.defer(() => record.flush());
  stack.defer(async () => {
    await postgres.up();
    await postgres.ask("postgres", `drop database if exists ${database} with (force)`);
  });
  // While the accessors start: it only needs a copy of a running server.
  const opening = plan.promotion && Promotion.open(plan.promotion, postgres);
  opening?.catch(() => {});
  const accessors: Accessor[] = [];
  {
    // Reserved until all proxies listen: a proxy that got the port of its accessor connected to
    // itself.
    await using held = new AsyncDisposableStack();
    for (let i = 1; i <= plan.accessors; i++)
      accessors.push(await openAccessor(i, { stack, held, postgres, database, record }));
  }
  const ports = accessors.map(({ front }) => front.port);
  for (const [i, { process: one }] of accessors.entries())
    one.start(i === 0 && !atResume(plan) ? plan.armed : "");

  const begin = await firstCursor(ports, random.fork("begin"));
  if (begin === undefined) hang("no accessor served within 60 s");
  const promotion = opening && stack.use(await opening);
  const writers = startWriters(plan, { ports, record, random });
  const subscribers = startSubscribers({ ports, record, random, begin, plan });
  const reader = new Reader({
    ports,
    random: random.fork("reader"),
    record,
    ackedCursor: () => random.fork(performance.now()).pick(writers).latestCursor,
  });
  const journal = `${folder}/spool-journal`;
  const spool = plan.spool
    ? startSpool({ plan, port: ports[0]!, journal, stack, record })
    : undefined;
  if (spool) await appends(spool, journal);
  stack.defer(async () => {
    for (const one of [...writers, ...subscribers]) "abort" in one ? one.abort() : one.close();
    reader.close();
    await Promise.all([...writers, ...subscribers, reader].map(({ running }) => running));
  });

  const arena: Arena = { accessors, postgres, database, writers, subscribers, spool, promotion };
  const done = await harm(plan, { arena, random: random.fork("faults"), record });

  // Faults are over: everything must settle.
  record.note({ who: "harness", what: "settle" });
  for (const { process: one, front, back } of accessors) {
    one.signal("SIGCONT");
    front.heal();
    back.heal();
  }
  spool?.signal("SIGCONT");
  await postgres.up();
  await sleep(300);
  for (const one of writers) one.finish();
  if (spool) writeFileSync(`${journal}.finish`, "");
  if (atResume(plan)) await accessors[0]!.process.rearm(plan.armed);
  const resumed = resume(subscribers, { ports, record, random: random.fork("resume"), plan });
  subscribers.push(...resumed);
  const { fork } = promotion ?? {};
  await settle({
    record,
    hang,
    writers,
    subscribers,
    spool: spool && journal,
    databaseUrl: postgres.url(database),
    isGivenUp: (cursor) => fork !== undefined && isBeyond(fork, cursor),
  });
  reader.close();
  await reader.running;

  const stored = await readStored(postgres.url(database));
  await judgeSettled(stored, { ports, record, compacted: stored.watermark === stored.head });
  const givenUp = await promotion?.givenUp(database, stored);
  const tally = judge({ stored, writers, subscribers, answers: reader.answers, record, givenUp });
  if (fork)
    await judgeFork(fork, {
      stored,
      givenUp,
      writers,
      subscribers,
      databaseUrl: postgres.url(database),
      record,
    });
  if (spool) {
    const { lost, doubled } = judgeSpool(journal, { stored, seed: plan.seed, record, givenUp });
    tally.lost += lost;
    tally.doubled += doubled;
  }
  await stack.disposeAsync();
  return {
    ...tally,
    seed: plan.seed,
    violations: record.violations,
    hangs,
    faults: done,
    promoted:
      promotion &&
      `${promotion.kind} promotion${givenUp ? ` without ${givenUp.commits} commits` : ""}`,
    feeds: subscribers.length,
    answers: reader.answers.length,
    fired: [...accessors.map((one) => one.process), ...(spool ? [spool] : [])].flatMap(
      ({ fired }) => fired,
    ),
    tookMs: performance.now() - startedMs,
  };
}

type Opening = {
  stack: AsyncDisposableStack;
  /** Reserves the accessor's port until it is disposed of. */
  held: AsyncDisposableStack;
  postgres: KeptPostgres;
  database: string;
  record: RoundRecord;
};

async function openAccessor(
  number: number,
  { stack, held, postgres, database, record }: Opening,
): Promise<Accessor> {
  const port = await holdPort(held);
  const back = stack.use(await openFaultProxy(() => postgres.port));
  const front = stack.use(await openFaultProxy(() => port));
  const args = [
    "--listen",
    `127.0.0.1:${port}`,
    "--bookmark-interval",
    "100ms",
    "--compact-interval",
    "200ms",
  ];
  const env = { DATABASE_URL: postgres.url(database, back.port), MILLRACE_MAX_AGE: "unlimited" };
  const kept = stack.use(
    new KeptProcess({ name: `accessor-${number}`, file: "accessor/main.ts", args, env, record }),
  );
  return { process: kept, front, back };
}

/** The cursor of the empty database. */
async function firstCursor(ports: readonly number[], random: Random): Promise<string | undefined> {
  for (
    const until = performance.now() + startDeadlineMs;
    performance.now() < until;
    await sleep(50)
  ) {
    using clients = reach(ports, random);
    const answer = await clients.signals.getLatest({}, { timeoutMs: 1_000 }).catch(() => undefined);
    if (answer !== undefined) return answer.cursor;
  }
  return undefined;
}

type SpoolStart = {
  plan: Plan;
  port: number;
  journal: string;
  stack: AsyncDisposableStack;
  record: RoundRecord;
};

function startSpool({ plan, port, journal, stack, record }: SpoolStart): KeptProcess {
  const args = [`http://127.0.0.1:${port}`, `${record.folder}/spool`, journal, String(plan.seed)];
  const kept = stack.use(
    new KeptProcess({ name: "spool", file: "proof/chaos/spool-writer.ts", args, record }),
  );
  kept.start(plan.spoolArmed);
  return kept;
}

/**
 * Waits until the process has appended, has died where it was armed, or takes too long: its
 * failpoints apply in its first life, which on a busy machine faults would end before it began.
 */
async function appends({ fired }: KeptProcess, journal: string): Promise<void> {
  for (
    const untilMs = performance.now() + startDeadlineMs;
    performance.now() < untilMs;
    await sleep(20)
  )
    if (existsSync(journal) || fired.length > 0) return;
}

async function holdPort(held: AsyncDisposableStack): Promise<number> {
  const server = held.use(createServer());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}
