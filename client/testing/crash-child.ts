// A process for tests that appends to a spool and dies at a failpoint. It prints on standard output
// what was promised and acknowledged.
import { writeSync } from "node:fs";
import { createLog } from "../../runtime/log.ts";
import { openSpool } from "../spool/spool.ts";
import { payloadOf } from "./spool.ts";

const [folder, countText] = process.argv.slice(2);
const log = createLog({ name: "child", level: "silent" });
await using spool = await openSpool({
  folder: folder!,
  log,
  maxBytes: 1 << 20,
  segmentBytes: 2000,
});
const { signal: abort } = new AbortController();
const { live } = spool;
// writeSync, because a dying process loses output that is only buffered.
const say = (text: string) => writeSync(1, `${text}\n`);
const first = live.lastSequence + 1;
say(`start ${first} ${live.ackedSequence}`);
for (let n = first; n < first + Number(countText); n += 5) {
  const group = Array.from({ length: 5 }, () => live.append(1, payloadOf, { abort }));
  for (const taken of group) say(`taken ${await taken}`);
  if (n % 2 === 0) {
    // Printed first: an ack that was given counts, whether or not it was recorded.
    say(`acked ${n - 3}`);
    live.ack(n - 3);
  }
}
