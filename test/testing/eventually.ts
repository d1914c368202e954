// Waits in tests for an effect of another process or thread, without guessing how long it takes.

/**
 * Calls a function until its result is truthy, and returns it; fails after 10 s or the given time,
 * naming what was awaited.
 */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T> | T,
  { withinMs = 10_000 }: { withinMs?: number } = {},
): Promise<NonNullable<T>> {
  for (const untilMs = performance.now() + withinMs; ; ) {
    const answer = await ask();
    if (answer) return answer;
    if (performance.now() > untilMs) throw new Error(`waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Calls a function until its result has stayed the same for 400 ms, and returns it. */
export async function settled<T>(ask: () => Promise<T> | T): Promise<T> {
  let answer = await ask();
  for (let same = 0; same < 8; same++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    const next = await ask();
    if (next !== answer) same = -1;
    answer = next;
  }
  return answer;
}
