// Logs refusals: one line each, until there are too many; then their number.

export type RefusalLine = {
  /** Path of the RPC, if it is known: "/package.Service/Method". */
  method?: string;
  reason: string;
  /** Id of the key or subject of the token, if it is known; never the credential. */
  principal?: string | undefined;
  /** Address that the call came from. */
  peer?: string | undefined;
};

export type AuditOptions = {
  write: (message: string, fields: Readonly<Record<string, unknown>>) => void;
  /** Milliseconds that only go forward. */
  monotonicMs: () => number;
  /** What is refused. Default "call". */
  what?: string;
  /** Lines in a second; the rest are counted. Default 20. */
  maxPerSecond?: number;
};

/**
 * Returns a function to call for each refusal. Somebody who tries out keys cannot fill the disk
 * with log lines.
 */
export function createRefusalAudit({
  write,
  monotonicMs,
  what = "call",
  maxPerSecond = 20,
}: AuditOptions) {
  let [startedMs, written, passedOver] = [Number.NEGATIVE_INFINITY, 0, 0];
  return (line: RefusalLine): void => {
    const nowMs = monotonicMs();
    if (nowMs - startedMs >= 1_000) {
      if (passedOver > 0)
        write(`refused more ${what}s than are logged one by one`, {
          audit: "refused",
          count: passedOver,
        });
      [startedMs, written, passedOver] = [nowMs, 0, 0];
    }
    if (written === maxPerSecond) passedOver++;
    else {
      written++;
      write(`refused a ${what}`, { audit: "refused", ...line });
    }
  };
}
