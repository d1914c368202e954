// Waiting where a client has sent more than it may: what is not read, its connection holds back.

/** Resolves after a time, or when the signal aborts, which whoever waits will notice by itself. */
export function waitUnlessAborted(ms: number, abort: AbortSignal): Promise<void> {
  if (ms <= 0) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      abort.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    abort.addEventListener("abort", done, { once: true });
    if (abort.aborted) done();
  });
}
