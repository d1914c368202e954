// No reader of text takes a square of its length: sixteen times the worst text, counted in
// processor time of this thread, which other work on the machine does not change. A reader that is
// linear takes 16 times as long, one that is not 256 times. npm run proofs:parsers does it at
// length.
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
