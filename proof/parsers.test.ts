// No reader of text takes time quadratic in its length: sixteen times the worst text, measured in
// processor time of this thread, which other work on the machine does not change. A linear reader
// takes 16 times as long, a quadratic one 256 times. npm run proofs:parsers does it at length.
import { expect, test } from "vitest";
import { cpuMsOf, worstTexts } from "./worst-texts.ts";

const kib = 1024;
const floorMs = 5;

test.each(worstTexts.map((worst) => [worst.name, worst] as const))(
  "%s",
  { timeout: 120_000 },
  async (_, worst) => {
    const small = await cpuMsOf(worst, 32 * kib, 5);
    const large = await cpuMsOf(worst, 512 * kib, 3);
    expect(large / Math.max(small, floorMs)).toBeLessThan(64);
  },
);
