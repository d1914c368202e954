// Measures the producer's spool: batches and megabytes a second with a sync before each append
// resolves, by size and number of appends at once. Run: node bench/spool.ts [folder]   (the folder
// decides which disk is measured; default the system's temporary one)
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSpool } from "../client/spool/spool.ts";
import { createLog } from "../runtime/log.ts";

const seconds = 3;
const { signal: abort } = new AbortController();
const log = createLog({ name: "bench", level: "error" });
const folder = await mkdtemp(join(process.argv[2] ?? tmpdir(), "millrace-bench-spool-"));

async function measure(bytes: number, atOnce: number): Promise<void> {
  await using spool = await openSpool({
    folder: join(folder, `${bytes}-${atOnce}`),
    maxBytes: 2 ** 31,
    log,
  });
  const { live } = spool;
  const batch = new Uint8Array(bytes).fill(7);
  const latencies: number[] = [];
  const began = performance.now();
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (performance.now() - began < seconds * 1000) {
        const from = performance.now();
        const sequence = await live.append(1, () => batch, { abort });
        latencies.push(performance.now() - from);
        // As an accessor does that keeps up, so that files are created and removed.
        if (sequence % 1000 === 0) live.ack(sequence - 500);
      }
    }),
  );
  const perSecond = latencies.length / ((performance.now() - began) / 1000);
  latencies.sort((a, b) => a - b);
  const at = (part: number) =>
    latencies[Math.floor(latencies.length * part)]!.toFixed(2).padStart(8);
  const rates = `${Math.round(perSecond).toString().padStart(8)} ${((perSecond * bytes) / 1e6).toFixed(1).padStart(8)}`;
  console.log(
    `${String(bytes).padStart(8)} ${String(atOnce).padStart(8)} ${rates} ${at(0.5)} ${at(0.99)}`,
  );
}

try {
  console.log("   bytes  at once batches/s     MB/s   p50 ms   p99 ms");
  for (const bytes of [400, 80_000])
    for (const atOnce of [1, 20, 500]) await measure(bytes, atOnce);
  const began = performance.now();
  await using spool = await openSpool({ folder: join(folder, "80000-20"), maxBytes: 2 ** 31, log });
  const size = (spool.usedBytes / 1e6).toFixed(0);
  console.log(`recovery of ${size} MB: ${(performance.now() - began).toFixed(0)} ms`);
} finally {
  await rm(folder, { recursive: true, force: true });
}
