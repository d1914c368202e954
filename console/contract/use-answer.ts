// An answer of the contract for a component: the last one stays while the next is on its way, so
// that nothing flashes, and a failure that may pass is tried again.
import { useEffect, useRef, useState } from "preact/hooks";
import { createBackoff, sleep } from "../../runtime/backoff.ts";
import { isPassing, isUnauthenticated, toSentence } from "./failure.ts";
import { session } from "./session.ts";

export type Answer<T> = {
  /** The newest answer; undefined until there is one. */
  readonly value: T | undefined;
  /** A newer answer is on its way. */
  readonly loading: boolean;
  /** Why there is none, or why it is not newer. */
  readonly problem: string | undefined;
  /** When the value arrived, in milliseconds since 1970. */
  readonly atMs: number | undefined;
  /** Asks again now. */
  readonly again: () => void;
};

type Told<T> = Omit<Answer<T>, "again">;
const nothing: Told<never> = {
  value: undefined,
  loading: true,
  problem: undefined,
  atMs: undefined,
};

/**
 * Asks whenever a dependency changes, and every `everyMs` if that is given, but not while the page
 * is hidden. `keep: false` drops the old answer when a dependency changes, for another subject.
 */
export function useAnswer<T>(
  ask: (abort: AbortSignal) => Promise<T>,
  dependencies: readonly unknown[],
  { everyMs, keep = true }: { everyMs?: number; keep?: boolean } = {},
): Answer<T> {
  const [told, setTold] = useState<Told<T>>(nothing);
  const [round, setRound] = useState(0);
  const newest = useRef(ask);
  newest.current = ask;
  // The caller names what `ask` uses.
  useEffect(() => {
    const life = new AbortController();
    const { signal: abort } = life;
    setTold((old) => ({ ...(keep ? old : nothing), loading: true }));
    const backoff = createBackoff({ baseMs: 500, maxMs: 10_000 });
    const run = async () => {
      while (!abort.aborted) {
        let waitMs = everyMs;
        try {
          const value = await newest.current(abort);
          if (abort.aborted) return;
          backoff.reset();
          setTold({ value, loading: false, problem: undefined, atMs: Date.now() });
        } catch (error) {
          if (abort.aborted) return;
          if (isUnauthenticated(error)) session.value = { kind: "refused" };
          setTold((old) => ({ ...old, loading: false, problem: toSentence(error) }));
          if (!isPassing(error)) return;
          waitMs = backoff.next();
        }
        if (waitMs === undefined) return;
        await sleep(waitMs, abort).catch(() => {});
        await untilVisible(abort);
      }
    };
    run();
    return () => life.abort(new Error("the component asks something else"));
  }, [...dependencies, round, everyMs]);
  return { ...told, again: () => setRound((before) => before + 1) };
}

/** A page that nobody sees asks for nothing. */
function untilVisible(abort: AbortSignal): Promise<void> {
  if (abort.aborted || document.visibilityState === "visible") return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      document.removeEventListener("visibilitychange", check);
      resolve();
    };
    const check = () => document.visibilityState === "visible" && done();
    document.addEventListener("visibilitychange", check);
    abort.addEventListener("abort", done, { once: true });
  });
}
