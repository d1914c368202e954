// Checks that a local run is ready: its ports are free, the gateway answers, and data arrives.
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { sleep } from "../runtime/backoff.ts";
import { ConfigError } from "../runtime/config.ts";

/** Throws ConfigError, with a line for each port of 127.0.0.1 that another program uses. */
export async function assertPortsFree(
  ports: readonly { port: number; flag: string }[],
): Promise<void> {
  const twice = ports.find(({ port }, at) => ports.slice(0, at).some((one) => one.port === port));
  if (twice)
    throw new ConfigError([
      `port ${twice.port} is asked for twice; choose another with --${twice.flag}`,
    ]);
  const taken = await Promise.all(
    ports.map(async (one) => ((await isFree(one.port)) ? [] : [one])),
  );
  const mistakes = taken
    .flat()
    .map(
      ({ port, flag }) =>
        `port ${port} is in use by another program; choose another with --${flag}`,
    );
  if (mistakes.length > 0) throw new ConfigError(mistakes);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") resolve(false);
      else reject(new ConfigError([`port ${port} can't be used: ${error.message}`]));
    });
    probe.listen({ port, host: "127.0.0.1", exclusive: true }, () =>
      probe.close(() => resolve(true)),
    );
  });
}

/**
 * Resolves once a program listens on the port of 127.0.0.1, or when `ended` resolves, so that none
 * will.
 */
export async function untilListening(
  port: number,
  { ended, abort }: { ended: Promise<unknown>; abort: AbortSignal },
): Promise<void> {
  let over = false;
  ended.then(() => {
    over = true;
  });
  while (!over) {
    const socket = connect({ port, host: "127.0.0.1" });
    try {
      await once(socket, "connect", { signal: abort });
      return;
    } catch {
      abort.throwIfAborted();
      await sleep(20, abort);
    } finally {
      socket.destroy();
    }
  }
}

export type ServingOptions = {
  abort: AbortSignal;
  say: (text: string) => void;
  headers?: () => Record<string, string>;
  /** Whether a producer sends power. Default true. */
  hasSender?: boolean;
  patienceMs?: number;
};

/**
 * Resolves once the gateway is ready and, if there is a sender, has power to show. If that takes
 * long, `say` gets what it waits for. headers: sent with each request, for a gateway that requires
 * a key.
 */
export async function untilServing(
  gatewayUrl: string,
  { abort, say, headers = () => ({}), hasSender = true, patienceMs = 10_000 }: ServingOptions,
): Promise<void> {
  const steps: [string, string, (body: unknown) => boolean][] = [
    ["the gateway to reach the accessor", "/readyz", () => true],
  ];
  if (hasSender) steps.push(["the first samples", "/signals/power/latest", hasRows]);
  let patientUntil = performance.now() + patienceMs;
  for (const [what, path, isEnough] of steps) {
    while (!(await answers(`${gatewayUrl}${path}`, { isEnough, headers: headers(), abort }))) {
      if (performance.now() > patientUntil) {
        say(`still waiting for ${what}`);
        patientUntil = performance.now() + patienceMs;
      }
      await sleep(50, abort);
    }
  }
}

async function answers(
  url: string,
  {
    isEnough,
    headers,
    abort,
  }: { isEnough: (body: unknown) => boolean; headers: Record<string, string>; abort: AbortSignal },
): Promise<boolean> {
  try {
    const response = await fetch(url, {
      headers,
      signal: AbortSignal.any([abort, AbortSignal.timeout(2000)]),
    });
    const body = await response.text();
    return (
      response.ok &&
      isEnough(body.startsWith("{") || body.startsWith("[") ? JSON.parse(body) : undefined)
    );
  } catch {
    abort.throwIfAborted();
    return false;
  }
}

/** Whether the answer is, or has as a member, an array that is not empty. */
function hasRows(body: unknown): boolean {
  const candidates = Array.isArray(body) ? [body] : Object.values(body ?? {});
  return candidates.some((one) => Array.isArray(one) && one.length > 0);
}
