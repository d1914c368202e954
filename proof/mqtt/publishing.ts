// A publisher that knows what it has sent: values that count from 1, each with a time of its own,
// at QoS 1. It sends again what a killed broker may have lost, as a careful publisher does.
import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "mqtt";

export type Publishing = AsyncDisposable & {
  /** Values that the broker has acknowledged. */
  readonly confirmed: ReadonlySet<number>;
  readonly sent: number;
  /** Values that `sendAgain` has sent again. */
  readonly repeats: number;
  /** Sends the values again that were acknowledged since this long. */
  sendAgain(sinceMs: number): void;
  /** Ends the flow, and resolves when everything is acknowledged. */
  finish(): Promise<void>;
};

export type PublishingOptions = {
  url: string;
  machines: number;
  perSecond: number;
  /** Milliseconds since 1970 of the value 0; the others follow, a millisecond each. */
  beganMs: number;
};

export const machineOf = (value: number, machines: number) => `m${value % machines}`;

export function openPublishing(options: PublishingOptions): Publishing {
  const { url, machines, perSecond, beganMs } = options;
  const client = connect(url, {
    clientId: "publisher",
    clean: false,
    reconnectPeriod: 100,
    reconnectOnConnackError: true,
  });
  client.on("error", () => {});
  const confirmed = new Set<number>();
  const waiting = new Set<number>();
  const times = new Map<number, number>();
  const stop = new AbortController();
  let sent = 0;
  let repeats = 0;

  function send(value: number): void {
    waiting.add(value);
    const payload = JSON.stringify({ v: value, t: beganMs + value });
    const topic = `plant/${machineOf(value, machines)}/x`;
    client.publish(topic, payload, { qos: 1 }, (error) => {
      // Not at once: MQTT.js may be in the middle of a loop that fails all that waits.
      if (error) return void setTimeout(send, 50, value);
      waiting.delete(value);
      confirmed.add(value);
      times.set(value, Date.now());
    });
  }

  const flow = (async () => {
    const startMs = performance.now();
    while (!stop.signal.aborted) {
      const due = Math.floor(((performance.now() - startMs) / 1000) * perSecond);
      // What waits in the client is bounded.
      while (sent < due && waiting.size < 20_000) send(++sent);
      await sleep(10);
    }
  })();

  return {
    confirmed,
    get sent() {
      return sent;
    },
    get repeats() {
      return repeats;
    },
    sendAgain(sinceMs) {
      const fromMs = Date.now() - sinceMs;
      const values = [...times].flatMap(([value, ms]) => (ms >= fromMs ? [value] : []));
      repeats += values.length;
      for (const value of values) send(value);
    },
    async finish() {
      stop.abort();
      await flow;
      while (waiting.size > 0) await sleep(20);
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await flow;
      await client.endAsync(true);
    },
  };
}
