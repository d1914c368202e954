// The present, as signals: for ages that count up, and for ranges that end now.
import { type ReadonlySignal, signal } from "@preact/signals";

const second = signal(Date.now() * 1000);
let timer: ReturnType<typeof setInterval> | undefined;

/** Microseconds since 1970, renewed once a second while somebody has called `startClock`. */
export const nowUs: ReadonlySignal<number> = second;

/** Starts the page's clock; disposal stops it. */
export function startClock(everyMs = 1000): Disposable {
  timer ??= setInterval(() => {
    second.value = Date.now() * 1000;
  }, everyMs);
  return {
    [Symbol.dispose]() {
      clearInterval(timer);
      timer = undefined;
    },
  };
}
