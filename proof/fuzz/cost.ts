// The cost of inputs to the services, as measured by the probe in each; and the inputs that cost
// too much, found by sending each input of an expensive group again, alone.
import { createServer, type Socket } from "node:net";
import type { ProbeAnswer } from "./probe.ts";

export type Probes = Disposable & {
  /** For the environment of the services, so that their probes connect. */
  readonly env: Record<string, string>;
  /**
   * The highest cost of all services since the last question. collect: with garbage collected
   * before the next.
   */
  ask(options?: { collect?: boolean }): Promise<ProbeAnswer>;
};

/** Listens until this many probes have connected. */
export async function openProbes(): Promise<Probes> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.setEncoding("utf8"));
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const probe = new URL("./probe.ts", import.meta.url).href;
  return {
    env: { NODE_OPTIONS: `--import=${probe}`, FUZZ_PROBE_PORT: String(port) },
    async ask({ collect = false } = {}) {
      const answers = await Promise.all([...sockets].map((socket) => askOne(socket, collect)));
      const most = (key: keyof ProbeAnswer) => Math.max(0, ...answers.map((answer) => answer[key]));
      return { heldMs: most("heldMs"), cpuMs: most("cpuMs"), grownMib: most("grownMib") };
    },
    [Symbol.dispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

const nothing: ProbeAnswer = { heldMs: 0, cpuMs: 0, grownMib: 0 };

function askOne(socket: Socket, collect: boolean): Promise<ProbeAnswer> {
  return new Promise((resolve) => {
    let text = "";
    const settle = (answer: ProbeAnswer) => {
      socket.off("data", read).off("close", gone);
      resolve(answer);
    };
    // The pid that a probe sends first may be in the same chunk.
    const read = (piece: string) => {
      text += piece;
      const line = /^\{.*\}$/m.exec(text)?.[0];
      if (line !== undefined) settle(JSON.parse(line) as ProbeAnswer);
    };
    const gone = () => settle(nothing);
    socket.on("data", read).on("close", gone);
    socket.write(collect ? "collect\n" : "ask\n");
  });
}

export type CostLimits = { maxHeldMs: number; maxGrownMib: number };

/**
 * The size of an input permits some cost: an honest batch of 4 MiB holds the loop for about 100 ms.
 */
const perMib = { heldMs: 30, grownMib: 16 };

export const isDear = (
  { heldMs, grownMib }: ProbeAnswer,
  { maxHeldMs, maxGrownMib }: CostLimits,
  sentBytes: number,
): boolean => {
  const mib = sentBytes / (1024 * 1024);
  return heldMs > maxHeldMs + perMib.heldMs * mib || grownMib > maxGrownMib + perMib.grownMib * mib;
};

/**
 * The cost of a single input: the least of several repetitions, each with a heap without garbage.
 */
export async function costAlone(
  send: () => Promise<unknown>,
  probes: Probes,
  times = 3,
): Promise<ProbeAnswer> {
  let least: ProbeAnswer | undefined;
  for (let i = 0; i < times; i++) {
    await probes.ask({ collect: true });
    await send();
    const cost = await probes.ask();
    least = {
      heldMs: Math.min(least?.heldMs ?? Number.POSITIVE_INFINITY, cost.heldMs),
      cpuMs: Math.min(least?.cpuMs ?? Number.POSITIVE_INFINITY, cost.cpuMs),
      grownMib: Math.min(least?.grownMib ?? Number.POSITIVE_INFINITY, cost.grownMib),
    };
  }
  return least!;
}
