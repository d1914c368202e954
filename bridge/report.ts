// Says in the log how the bridge is doing: each minute in which something came, and which topics
// are left out.
import type { Uplink } from "../client/send/uplink.ts";
import type { Log } from "../runtime/log.ts";
import type { Skipped } from "./mapping/delivery.ts";
import type { Connection } from "./mqtt/connection.ts";
import type { Intake } from "./mqtt/intake.ts";

export type ReportOptions = {
  log: Log;
  intake: Intake;
  connection: Connection;
  uplink: Uplink;
  /** Default a minute. */
  everyMs?: number;
};

export function createReport(options: ReportOptions): Disposable {
  const { log, intake, connection, uplink, everyMs = 60_000 } = options;
  let reported = 0;
  const timer = setInterval(() => {
    const { counts } = intake;
    if (counts.messages === reported && connection.connected) return;
    reported = counts.messages;
    const { ackedRecords, heldRecords, rejectedRecords, connected } = uplink.status;
    log.info("bridge", {
      ...counts,
      brokerConnected: connection.connected,
      accessorConnected: connected,
      ackedRecords,
      heldRecords,
      rejectedRecords,
    });
  }, everyMs);
  timer.unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

const maxNamed = 20;

const whys: Record<Skipped, string> = {
  retained: "a retained message without a time of its own is left out: its time is unknown",
  unmapped: "no rule takes this topic: the session at the broker still subscribes it",
};

/** Logs the first topics of each kind. */
export function createSkipLog(log: Log): (topic: string, why: Skipped) => void {
  const named = new Set<string>();
  return (topic, why) => {
    const key = `${why} ${topic.slice(0, 200)}`;
    if (named.size >= maxNamed || named.has(key)) return;
    named.add(key);
    log.info(whys[why], { topic: topic.slice(0, 200) });
  };
}
