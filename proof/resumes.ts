// A thousand resumes: node proof/resumes.ts [--resumes 1000] [--samples 1000000] [--seed 1]
// [--at-once 8] Fills a database through two accessor processes, then watches from random cursors
// to random ends, in it or beyond it, while writers continue. Each feed must equal the contents of
// PostgreSQL, read directly, between its cursors, for its filter: every bit, in order, once.
import { parseArgs } from "node:util";
import { signalCodecs } from "../client/codecs.ts";
import { createGrpcTransport } from "../runtime/grpc/transport.ts";
import { startAccessor } from "../test/testing/processes.ts";
import { revisionOf } from "./chaos/content.ts";
import { KeptPostgres } from "./chaos/kept-postgres.ts";
import { createRandom } from "./chaos/random.ts";
import { askNumber, readStored } from "./chaos/stored.ts";
import { collectCursors } from "./cursors.ts";
import { drawResume, judgeResumes, type Resumed, resume } from "./resume.ts";
import { startWriting } from "./writing.ts";

const { values } = parseArgs({
  options: {
    resumes: { type: "string", default: "1000" },
    samples: { type: "string", default: "1000000" },
    seed: { type: "string", default: "1" },
    "at-once": { type: "string", default: "8" },
  },
});
const [count, samples, seed, atOnce] = [
  Number(values.resumes),
  Number(values.samples),
  Number(values.seed),
  Number(values["at-once"]),
];
const random = createRandom(seed);
const seconds = (sinceMs: number) => ((performance.now() - sinceMs) / 1000).toFixed(1);
await using stack = new AsyncDisposableStack();
const postgres = stack.use(await KeptPostgres.open());
const databaseUrl = postgres.url(`resumes_${Date.now().toString(36)}`);
const accessors = [
  stack.use(await startAccessor(databaseUrl)),
  stack.use(await startAccessor(databaseUrl)),
];
const urls = accessors.map(({ url }) => url);
const transports = urls.map((baseUrl) =>
  stack.use(createGrpcTransport({ baseUrl, codecs: signalCodecs })),
);
const collected = stack.use(await collectCursors(transports[0]!));

const fillMs = performance.now();
const writing = stack.use(await startWriting(urls, { seed, writersEach: 2 }));
await writing.reached(samples);
const filled = await askNumber(databaseUrl, "select max(revision) from log");
console.log(
  `seed ${seed}: ${writing.ackedRecords} samples, states and errors in ${filled} commits, ${seconds(fillMs)} s`,
);
writing.slowDown(25);

const resumesMs = performance.now();
const done: Resumed[] = [];
let started = 0;
await Promise.all(
  Array.from({ length: atOnce }, async () => {
    while (started < count) {
      const own = random.fork(started++);
      const drawn = drawResume(own, { cursors: collected.cursors });
      done.push(await resume(drawn, { transport: own.pick(transports) }));
      if (done.length % 100 === 0) console.log(`${done.length} resumes, ${seconds(resumesMs)} s`);
    }
  }),
);
const resumesS = seconds(resumesMs);
await writing.end();
const stored = await readStored(databaseUrl);
const mismatches = judgeResumes(done, stored);
const sum = (of: (one: Resumed) => number) => done.reduce((total, one) => total + of(one), 0);
const reasons = done.flatMap(({ reconnects }) => reconnects);
const crossing = done.filter(
  ({ headAtStart, through }) => revisionOf(through) > headAtStart,
).length;
const storedSamples = [...stored.commits.values()].reduce(
  (total, { columns }) => [...columns.values()].reduce((n, { values }) => n + values.length, total),
  0,
);
console.log(
  `${done.length} resumes in ${resumesS} s over ${stored.commits.size} commits with ${storedSamples} samples at the end (${stored.head - filled} commits meanwhile): ` +
    `${sum(({ batches }) => batches)} batches and ${sum(({ samples: n }) => n)} samples came, ${sum(({ messages }) => messages)} messages, ` +
    `${crossing} went from the log into live, ${done.filter(({ draw }) => draw.machines.length + draw.signals.length > 0).length} with a filter; ` +
    `${reasons.length} reconnects; ${mismatches.length} mismatches`,
);
for (const [text, times] of Object.entries(Object.groupBy(reasons, (text) => text)))
  console.log(`  reconnected ${times!.length} times: ${text}`);
for (const text of mismatches.slice(0, 20)) console.log(`  ${text}`);
process.exitCode = mismatches.length > 0 ? 1 : 0;
