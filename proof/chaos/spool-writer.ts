// A process of the harness that appends to the producer library: everything that its journal
// records as accepted must arrive, once. Arguments: accessor URL, spool folder, journal, seed. A
// file `<journal>.finish` asks it to flush.
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { openUplink } from "../../client/send/uplink.ts";
import { createLog } from "../../runtime/log.ts";
import { spoolBatch } from "./spool-batches.ts";

const [accessor, spoolDir, journal, seed] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
];

// The harness holds the other end: if that ends, so does this process.
new Socket({ fd: 3 }).on("close", () => process.exit(1)).resume();

const past = existsSync(journal) ? readFileSync(journal, "utf8").split("\n") : [];
// A number that was begun and not confirmed may be on the disk or not: it is never used again.
let number = Math.max(0, ...past.map((line) => Number(line.split(" ")[1] ?? 0))) + 1;
const uplink = await openUplink({
  accessor,
  spoolDir,
  producerId: "spool",
  maxBytes: 2 ** 19,
  log: createLog({ name: "spool", level: "info" }),
});
uplink.failed.addEventListener("abort", () => {
  appendFileSync(journal, `failed 0 ${String(uplink.failed.reason)}\n`);
  process.exit(3);
});
while (!existsSync(`${journal}.finish`)) {
  const several = Array.from({ length: 1 + (number % 3) }, () => number++);
  for (const one of several) appendFileSync(journal, `append ${one}\n`);
  await Promise.all(
    several.map(async (one) => {
      await uplink.append(spoolBatch(Number(seed), one).batch);
      appendFileSync(journal, `taken ${one}\n`);
    }),
  );
  await sleep(8);
}
await uplink.flush();
appendFileSync(journal, "flushed 0\n");
await sleep(600_000);
