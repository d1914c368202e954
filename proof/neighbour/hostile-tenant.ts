// A hostile tenant: does the worst of one kind of harm after the other, each for a while, then
// starts over, until it is stopped. Arguments: accessor URL, gateway URL, milliseconds for a kind,
// seed. MILLRACE_API_KEY: a key for machines bad-*. Prints a line of JSON for each kind: its name,
// its start and end, and how its requests ended.
import { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { childEnvironment } from "../../runtime/config.ts";
import { createRandom } from "../chaos/random.ts";
import { grpcHarm } from "./grpc-harm.ts";
import { endure, type Harm, openTarget } from "./harm.ts";
import { httpHarm } from "./http-harm.ts";
import { storedHarm } from "./stored-harm.ts";

const [accessorUrl, gatewayUrl, slotMs, seed] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
];
const { MILLRACE_API_KEY: key = "", MILLRACE_HARM: only } = childEnvironment({});
new Socket({ fd: 3 }).on("close", () => process.exit(1)).resume();
// Whatever a server does to such connections is an ending, not a failure of the harness.
process.on("uncaughtException", (error) =>
  console.log(JSON.stringify({ note: String(error).slice(0, 200) })),
);

const all: Record<string, Harm> = { ...grpcHarm, ...storedHarm, ...httpHarm };
const names = only === undefined ? Object.keys(all) : only.split("|");
const random = createRandom(Number(seed));
// The data that its questions read: many equal samples, which cost little to send and much to read.
await fill();
for (;;) {
  for (const name of shuffled(names)) {
    const done = await endure(all[name]!, {
      accessorUrl,
      gatewayUrl,
      key,
      lengthMs: Number(slotMs),
    });
    console.log(JSON.stringify({ kind: name, ...done }));
  }
}

function shuffled(items: readonly string[]): string[] {
  return items
    .map((item) => ({ item, place: random.int(0, 1e9) }))
    .sort((a, b) => a.place - b.place)
    .map(({ item }) => item);
}

async function fill(): Promise<void> {
  const target = openTarget({ accessorUrl, gatewayUrl, key, abort: AbortSignal.timeout(60_000) });
  const startUs = BigInt(Date.now() - 3_600_000) * 1000n;
  for (let i = 0; i < 32 && !target.abort.aborted; i++) {
    const grid = { startUs: startUs + BigInt(i) * 65_000_000n, periodUs: 1_000n };
    const samples = [
      {
        signal: "power",
        unit: "W",
        times: { case: "grid" as const, value: grid },
        values: new Array(65_000).fill(0),
      },
    ];
    const request = {
      producerId: "bad.fill",
      sequence: BigInt(i + 1),
      batch: { machine: "bad-full", samples },
    };
    await target.ingest.ingestBatch(request, { timeoutMs: 10_000 }).catch(() => sleep(500));
  }
  target[Symbol.dispose]();
}
