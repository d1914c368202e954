// Bridge and broker are killed at random while messages flow: nothing may be lost, stored twice, or
// be there that was not sent. Run it by:
// node proof/mqtt/main.ts [--seconds 120] [--broker mosquitto|aedes] [--seed 1] [--rate 300]
// A real accessor and PostgreSQL store the records. mosquitto ends by SIGTERM and by SIGKILL in
// turn; aedes has its connections cut.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { openAedes, startMosquitto } from "../../bridge/testing/brokers.ts";
import { readColumns } from "../../client/read.ts";
import { createRandom } from "../../producer/simulate/random.ts";
import { grpcClients } from "../../test/testing/ask.ts";
import { eventually } from "../../test/testing/eventually.ts";
import { freePorts } from "../../test/testing/free-ports.ts";
import { type Program, startAccessor, startProgram } from "../../test/testing/processes.ts";
import { KeptPostgres } from "../chaos/kept-postgres.ts";
import { openPublishing } from "./publishing.ts";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "120" },
    broker: { type: "string", default: "mosquitto" },
    seed: { type: "string", default: "1" },
    rate: { type: "string", default: "300" },
  },
});
const [seconds, seed, perSecond] = [
  Number(values.seconds),
  Number(values.seed),
  Number(values.rate),
];
const machines = 10;
const random = createRandom(seed);
const beganMs = Date.now() - 3_600_000;
const folder = await mkdtemp(join(tmpdir(), "millrace-mqtt-"));
await using stack = new AsyncDisposableStack();
stack.defer(() => rm(folder, { recursive: true, force: true }));
const postgres = stack.use(await KeptPostgres.open());
const accessor = stack.use(await startAccessor(postgres.url(`mqtt_${Date.now().toString(36)}`)));
using clients = grpcClients(accessor.url);
const broker = stack.use(await openBroker());
const mapping = join(folder, "mapping.toml");
await writeFile(
  mapping,
  '[[topics]]\ntopic = "plant/{machine}/{signal}"\nvalue = "$.v"\ntime = "$.t"\n',
);
const flags = [
  ...["--mapping", mapping, "--spool", join(folder, "spool"), "--broker", broker.url],
  ...["--accessor", accessor.url, "--log-level", "debug"],
  ...["--mqtt-version", values.broker === "aedes" ? "3.1.1" : "5"],
];
const startBridge = () => startProgram("bridge/main.ts", flags);
const isSubscribed = ({ lines }: Program) => lines.some((line) => line.includes("subscribed"));

let bridge = startBridge();
stack.defer(() => bridge[Symbol.asyncDispose]());
await eventually("the bridge is subscribed", () => isSubscribed(bridge), { withinMs: 30_000 });
const publishing = stack.use(openPublishing({ url: broker.url, machines, perSecond, beganMs }));
const kills = { bridge: 0, broker: 0 };
const endMs = performance.now() + seconds * 1000;
const everyS = (mean: number) => -Math.log(1 - random.next()) * mean;

async function killBridges(): Promise<void> {
  for (;;) {
    await sleep(1000 * Math.min(15, everyS(4)));
    if (performance.now() > endMs) return;
    kills.bridge++;
    bridge.signal("SIGKILL");
    await bridge.ended;
    bridge = startBridge();
  }
}

async function killBrokers(): Promise<void> {
  for (;;) {
    await sleep(1000 * Math.min(20, everyS(7)));
    if (performance.now() > endMs) return;
    kills.broker++;
    await broker.kill();
  }
}

const progress = setInterval(() => {
  const { sent, confirmed } = publishing;
  process.stderr.write(
    `${((performance.now() - endMs) / 1000 + seconds).toFixed(0)} s: ${sent} sent, ${confirmed.size} acknowledged\n`,
  );
}, 10_000);
stack.defer(() => clearInterval(progress));
await Promise.all([killBridges(), killBrokers()]);
await publishing.finish();
const stored = await storedWhenQuiet();
const { confirmed, sent } = publishing;
const lost = [...confirmed].filter((value) => !stored.distinct.has(value));
const foreign = [...stored.distinct].filter((value) => !confirmed.has(value));
const repeated = stored.records - stored.distinct.size;
const faults = [
  ...(lost.length > 0 ? [`lost: ${lost.slice(0, 10).join(", ")}`] : []),
  ...(foreign.length > 0 ? [`never sent: ${foreign.slice(0, 10).join(", ")}`] : []),
  ...(repeated > 0 ? [`stored more than once: ${repeated} records`] : []),
  ...stored.wrong.map((what) => `wrong: ${what}`),
];
console.log(`${values.broker}, seed ${seed}, ${seconds} s: ${kills.bridge} kills of the bridge, ${kills.broker} of the broker
${sent} messages sent, ${confirmed.size} acknowledged by the broker, ${stored.distinct.size} stored, ${lost.length} lost
${repeated} stored more than once, although the publisher sent ${publishing.repeats} messages again
${faults.length} findings`);
for (const fault of faults) console.log(`  ${fault}`);
process.exitCode = faults.length > 0 ? 1 : 0;

async function openBroker() {
  if (values.broker === "aedes") {
    const aedes = await openAedes();
    return { ...aedes, kill: async () => aedes.cut() };
  }
  const [port] = await freePorts(1);
  const mosquitto = await startMosquitto({ folder: join(folder, "broker"), port: port! });
  let harder = false;
  return {
    ...mosquitto,
    async kill() {
      harder = !harder;
      await mosquitto.stop(harder ? "SIGKILL" : "SIGTERM");
      await sleep(1000 * random.next());
      await mosquitto.start();
      // It saves every second, and has lost what came after that.
      if (harder) publishing.sendAgain(5_000);
    },
  };
}

/** What is stored when no more comes. */
async function storedWhenQuiet() {
  let before = -1;
  for (let same = 0; same < 6; ) {
    await sleep(500);
    const { records } = await readStored();
    same = records === before ? same + 1 : 0;
    before = records;
  }
  return readStored();
}

async function readStored() {
  const { signal: abort } = new AbortController();
  const distinct = new Set<number>();
  const wrong: string[] = [];
  let records = 0;
  const { series } = await readColumns({ client: clients.signals, signals: ["x"], abort });
  for (const { machine, column } of series)
    for (const [i, value] of column.values.entries()) {
      records++;
      distinct.add(value);
      const isRight =
        column.timesUs[i] === (beganMs + value) * 1000 && machine === `m${value % machines}`;
      if (!isRight && wrong.length < 10) wrong.push(`${machine} ${value} at ${column.timesUs[i]}`);
    }
  return { distinct, records, wrong };
}
