// Waits when a client has sent more than it may: unread data is held back by its connection.

/** Resolves after a time, or when the signal aborts; the caller must check the signal itself. */
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
