// The gateway's load in the soak: a live feed all the time, and a question every second. Only
// counts what it receives.
import { pause } from "./chaos/clients.ts";

const questions = [
  "/signals/power?machine=press-2&limit=500",
  "/signals/state?limit=200",
  "/signals/error?from=-15m&limit=100",
  "/machines",
  "/signals/power/latest",
];

export function loadGateway(url: string): AsyncDisposable & { counts: Record<string, number> } {
  const stop = new AbortController();
  const { signal: abort } = stop;
  const counts: Record<string, number> = { feeds: 0, feedBytes: 0 };
  const feed = async () => {
    while (!abort.aborted) {
      try {
        const response = await fetch(`${url}/signals/power,state,error/live`, { signal: abort });
        counts["feeds"]!++;
        for await (const chunk of response.body!) counts["feedBytes"]! += chunk.byteLength;
      } catch {
        // Reconnects, as a browser does.
      }
      await pause(1_000, abort);
    }
  };
  const ask = async () => {
    for (let i = 0; !abort.aborted; i++) {
      const path = questions[i % questions.length]!;
      const status = await fetch(url + path, {
        signal: AbortSignal.any([abort, AbortSignal.timeout(20_000)]),
      })
        .then(async (response) => {
          await response.arrayBuffer();
          return `status ${response.status}`;
        })
        .catch(() => "no answer");
      counts[status] = (counts[status] ?? 0) + 1;
      await pause(1_000, abort);
    }
  };
  const running = Promise.all([feed(), ask()]);
  return {
    counts,
    async [Symbol.asyncDispose]() {
      stop.abort(new Error("the soak is over"));
      await running;
    },
  };
}
