// Lines about refusals: one each, until they are too many; then how many there were.

export type RefusalLine = {
  /** Path of the RPC, if it came so far: "/package.Service/Method". */
  method?: string;
  reason: string;
  /** Id of the key or subject of the token, if it is known; never the credential. */
  principal?: string | undefined;
  /** Where the call came from. */
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
 * A function to tell of each refusal. Who tries keys cannot fill the disk with what we say about
 * it.
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
