// Brokers for tests: aedes inside the process, whose connections can be cut at any moment, and
// Debian's mosquitto as a process that can be stopped, killed and started again.
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { Aedes } from "aedes";
import { eventually } from "../../test/testing/eventually.ts";

export type TestBroker = AsyncDisposable & { readonly url: string };

export type AedesBroker = TestBroker & {
  readonly aedes: Aedes;
  /** Grows with each message that a client has acknowledged. */
  readonly acked: unknown[];
  /** Cuts every connection. */
  cut(): void;
};

export async function openAedes(): Promise<AedesBroker> {
  const aedes = await Aedes.createBroker({ maxClientsIdLength: 128, heartbeatInterval: 60_000 });
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    aedes.handle(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const acked: unknown[] = [];
  aedes.on("ack", (packet) => acked.push(packet));
  return {
    aedes,
    acked,
    url: `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut() {
      for (const socket of sockets) socket.destroy();
    },
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => aedes.close(() => resolve()));
      await closed;
    },
  };
}

const mosquittoPath = "/usr/sbin/mosquitto";
export const hasMosquitto = existsSync(mosquittoPath);

export type Mosquitto = TestBroker & {
  start(): Promise<void>;
  /** SIGTERM saves what clients have not got; after SIGKILL it has what it saved last. */
  stop(signal: "SIGTERM" | "SIGKILL"): Promise<void>;
};

/**
 * Starts mosquitto with a folder of its own. `tls` has paths of PEM files; then it listens with TLS
 * only. It saves every second.
 */
export async function startMosquitto({
  folder,
  port,
  tls,
}: {
  folder: string;
  port: number;
  tls?: { ca: string; cert: string; key: string };
}): Promise<Mosquitto> {
  await mkdir(folder, { recursive: true });
  const config = join(folder, "mosquitto.conf");
  const lines = [
    `listener ${port} 127.0.0.1`,
    ...(tls ? [`cafile ${tls.ca}`, `certfile ${tls.cert}`, `keyfile ${tls.key}`] : []),
    "allow_anonymous true",
    "persistence true",
    `persistence_location ${folder}/`,
    "autosave_interval 1",
    "max_queued_messages 0",
    // As root it would become another user, who may not write to the folder.
    ...(process.getuid?.() === 0 ? ["user root"] : []),
  ];
  await writeFile(config, `${lines.join("\n")}\n`);
  let child: ChildProcess | undefined;
  const broker: Mosquitto = {
    url: `${tls ? "mqtts" : "mqtt"}://127.0.0.1:${port}`,
    async start() {
      child = spawn(mosquittoPath, ["-c", config], { stdio: "ignore" });
      await eventually("mosquitto listens", () => accepts(port));
    },
    async stop(signal) {
      const ending = child;
      child = undefined;
      if (ending === undefined || ending.exitCode !== null) return;
      const ended = new Promise((resolve) => ending.once("exit", resolve));
      ending.kill(signal);
      await ended;
    },
    [Symbol.asyncDispose]: () => broker.stop("SIGKILL"),
  };
  await broker.start();
  return broker;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
