// How live the page is: the age of the newest commit, or how far the page is behind.
import { useEffect, useState } from "preact/hooks";
import { connectionWords as words } from "../english/frame.ts";
import { connection, isFed } from "../live/live.ts";
import type { Connection } from "../live/messages.ts";
import { ageText } from "../time/format.ts";

/** Often enough to look live, seldom enough to be read. */
const everyMs = 500;

export function LivePill() {
  const [nowMs, setNowMs] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNowMs(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, []);
  if (!isFed.value) return null;
  const { kind } = connection.value;
  return (
    <span class={`pill live-pill ${kind}`} title={connection.value.message}>
      <span class="live-dot" aria-hidden="true" />
      <span role="status" aria-live="off">
        {pillText(connection.value, nowMs)}
      </span>
    </span>
  );
}

function pillText({ kind, sinceMs, commitMs, clockOffsetMs }: Connection, nowMs: number): string {
  if (kind === "connecting" || kind === "refused") return words[kind];
  const age = ageOf(commitMs === undefined ? 0 : nowMs + clockOffsetMs - commitMs);
  if (kind === "behind") return words.behind(ageText((nowMs - sinceMs) * 1000));
  return commitMs === undefined || nowMs + clockOffsetMs - commitMs < 5_000
    ? words.live(age)
    : words.quiet(age);
}

const ageOf = (ms: number): string =>
  ms < 1_000 ? `${Math.max(0, Math.round(ms))} ms` : ageText(ms * 1000);
