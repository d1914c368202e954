// Fetches the next item of a source while its reader works on the present one: PostgreSQL reads on
// one core, we decode and send on another.

/**
 * The same items in the same order, one fetched ahead. Leaving it waits for the current fetch, and
 * closes the source.
 */
export async function* prefetch<T>(
  source: AsyncIterator<T, void, undefined>,
): AsyncGenerator<T, void, undefined> {
  const fetch = () => {
    const next = source.next();
    // Awaited when its turn comes, or never if the reader leaves first: no unhandled failure.
    next.catch(() => {});
    return next;
  };
  let next = fetch();
  try {
    for (let result = await next; !result.done; result = await next) {
      next = fetch();
      yield result.value;
    }
  } finally {
    await next.catch(() => {});
    await source.return?.();
  }
}
