// Finds out whether an answer of rows ends at its limit before the first row is written, so that a
// header can tell.

/** "unknown": for limits above `maxKnownLimit`, where finding out would take too much memory. */
export type Cut = "true" | "false" | "unknown";

export const maxKnownLimit = 10_000;

/**
 * Reads parts of an answer (at least one, if there is one) until they have more rows than `limit`
 * or the answer ends. `next` returns undefined at the end. Without a limit nothing is cut.
 */
export async function readAhead<T>(
  next: () => Promise<T | undefined>,
  { limit, rowsOf }: { limit: number | undefined; rowsOf: (part: T) => number },
): Promise<{ ahead: T[]; cut: Cut | undefined }> {
  const ahead: T[] = [];
  const isKnown = limit !== undefined && limit <= maxKnownLimit;
  for (let left = isKnown ? limit : 0; ; ) {
    const part = await next();
    if (part === undefined) return { ahead, cut: limit === undefined ? undefined : "false" };
    ahead.push(part);
    left -= rowsOf(part);
    if (!isKnown) return { ahead, cut: limit === undefined ? undefined : "unknown" };
    if (left < 0) return { ahead, cut: "true" };
  }
}
