// Bounds a property test in time. fast-check's own interruptAfterTimeLimit lets the run that it
// interrupts continue into the next test.

/**
 * The same property until the time is up, and from then on one that holds: a slow machine tries
 * fewer cases, and shrinks as far as it gets.
 */
export function forAtMost<T>(
  ms: number,
  property: (given: T) => Promise<void>,
): (given: T) => Promise<void> {
  let untilMs: number | undefined;
  return async (given) => {
    untilMs ??= performance.now() + ms;
    if (performance.now() < untilMs) await property(given);
  };
}
