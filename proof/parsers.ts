// npm run proofs:parsers: reading 1, 4 and 16 MiB of the worst text known, for every reader. Four
// times the text may take 4.5 times as long.
import { cpuMsOf, worstTexts } from "./worst-texts.ts";

const mib = 1024 * 1024;
const sizes = [mib, 4 * mib, 16 * mib];
/** Less than this is the clock's own resolution, or the time of one garbage collection. */
const floorMs = 20;
const maxRatio = 4.5;
const maxRounds = 6;

let failed = 0;
console.log(
  `${"reader".padEnd(52)} ${sizes.map((size) => `${size / mib} MiB`.padStart(10)).join("")}   ratios`,
);
for (const worst of worstTexts) {
  const times = sizes.map(() => Number.POSITIVE_INFINITY);
  let ratios: number[] = [];
  let good = false;
  // The least of several tries: other work on the machine, and garbage, only ever add time.
  for (let round = 0; round < maxRounds && !good; round++) {
    for (const [i, size] of sizes.entries())
      times[i] = Math.min(times[i]!, await cpuMsOf(worst, size, 2));
    ratios = times
      .slice(1)
      .map((time, i) => Math.max(time, floorMs) / Math.max(times[i]!, floorMs));
    good = ratios.every((ratio) => ratio <= maxRatio);
  }
  if (!good) failed++;
  const shown = times.map((time) => `${time.toFixed(1)} ms`.padStart(10)).join("");
  const said = ratios.map((ratio) => ratio.toFixed(2)).join(", ");
  console.log(`${worst.name.padEnd(52)} ${shown}   ${said}${good ? "" : "  TOO MUCH"}`);
}
console.log(
  failed === 0 ? "every reader takes time in proportion to its text" : `${failed} readers do not`,
);
process.exitCode = failed === 0 ? 0 : 1;
