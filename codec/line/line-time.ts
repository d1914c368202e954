// Timestamps of line protocol: whole numbers since 1970 in a declared precision.
import { LineFault } from "./line-fault.ts";
import { shown } from "./line-key.ts";

/** The words of both versions of the HTTP interface. */
export const precisions = ["ns", "n", "us", "u", "µ", "ms", "s", "m", "h"] as const;
export type Precision = (typeof precisions)[number];

/** How many digits to cut off for microseconds; or how many microseconds one is. */
const scales: Readonly<Record<Precision, { cut: number } | { us: number }>> = {
  ns: { cut: 3 },
  n: { cut: 3 },
  us: { us: 1 },
  u: { us: 1 },
  µ: { us: 1 },
  ms: { us: 1_000 },
  s: { us: 1_000_000 },
  m: { us: 60_000_000 },
  h: { us: 3_600_000_000 },
};

/**
 * Microseconds since 1970; finer digits are cut off, towards the past. A time that a double cannot
 * hold exactly is a fault.
 */
export function readLineTime(text: string, precision: Precision): number | LineFault {
  const scale = scales[precision];
  const cut = "cut" in scale ? scale.cut : 0;
  const digits = text.startsWith("-") ? text.length - 1 : text.length;
  if (digits === 0 || digits > 22) return notATime(text);
  for (let i = text.length - digits; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 48 || code > 57) return notATime(text);
  }
  const timeUs =
    cut > 0
      ? digits === text.length
        ? Number(text.slice(0, -cut))
        : Number(BigInt.asIntN(64, -((-BigInt(text) + 999n) / 1000n)))
      : Number(text) * ("us" in scale ? scale.us : 1);
  return Number.isSafeInteger(timeUs) ? timeUs : notATime(text);
}

const notATime = (text: string) =>
  new LineFault(
    `timestamp ${shown(text)}: expected a whole number, in nanoseconds unless precision says otherwise`,
  );
