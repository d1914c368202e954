// What `npm start` runs: the parts of Millrace as processes of their own under one supervisor,
// until Ctrl-C.
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { run } from "../runtime/lifecycle.ts";
import { createLog } from "../runtime/log.ts";
import { buildConsole } from "./build-console.ts";
import { startChild } from "./child.ts";
import { localSettings } from "./config.ts";
import { openDataFolder } from "./data-folder.ts";
import { nodeEnvironment, nodeFlags } from "./node-flags.ts";
import { createOutput } from "./output.ts";
import { openPostgres } from "./postgres.ts";
import { defaultDataDir } from "./postgres-cluster.ts";
import { openAccessorRole } from "./postgres-role.ts";
import { assertPortsFree, untilListening, untilServing } from "./readiness.ts";
import { openSimulatorKey, simulatorProducerId } from "./simulator-key.ts";
import { openSupervisor, type Part } from "./supervisor.ts";
import { welcome } from "./welcome.ts";

const checkout = fileURLToPath(new URL("..", import.meta.url));

// No TLS between processes of one machine, whatever the environment sets for services that serve
// others.
const inTheClear = Object.fromEntries(
  [
    "TLS_CERT",
    "TLS_KEY",
    "TLS_CLIENT_CA",
    "TLS_CLIENT_NAME",
    "TLS_PRODUCER_NAME",
    "HSTS",
    "ACCESSOR_CA",
    "ACCESSOR_CERT",
    "ACCESSOR_KEY",
  ].map((name) => [`MILLRACE_${name}`, undefined]),
);

// SQL readers, and clients that only connect, cannot use up the connections that the accessor
// needs; and a client that does not log in is disconnected soon.
const guarded = {
  max_connections: "100",
  reserved_connections: "40",
  authentication_timeout: "5s",
};

await run({
  name: "millrace",
  about: "runs PostgreSQL, accessor, gateway and producer on this machine",
  settings: localSettings,
  // Children 2.5 s, PostgreSQL 1.5 + 0.5 s: the sum stays below.
  graceMs: 4900,
  logFormat: "pretty",
  async open({ settings, abort }) {
    const { httpPort, grpcPort, quiet, machines, seed, auth } = settings;
    const level = quiet && settings.logLevel === "info" ? "warn" : settings.logLevel;
    const output = createOutput(process.stdout, [
      "millrace",
      "console",
      "postgres",
      "accessor",
      "gateway",
      "producer",
    ]);
    const say = (text: string) => output.line("millrace", text);
    await assertPortsFree([
      { port: httpPort, flag: "http-port" },
      { port: grpcPort, flag: "grpc-port" },
    ]);

    let databaseUrl = settings.databaseUrl;
    const dataDir = settings.dataDir ? resolve(settings.dataDir) : await defaultDataDir(checkout);
    // With neither, nothing is stored there.
    if (!settings.databaseUrl || machines > 0) await openDataFolder(dataDir);
    const postgres: Part = {
      name: "postgres",
      async start(stopped) {
        const sink = (line: string) => output.line("postgres", line.trimEnd());
        const log = createLog({ name: "postgres", level, format: "pretty", color: false, sink });
        // After a crash PostgreSQL gets the same port, so that the accessor finds it again.
        const port = databaseUrl ? Number(new URL(databaseUrl).port) : 0;
        const server = await openPostgres({
          dataDir,
          port,
          settings: guarded,
          stopMs: 1500,
          log,
          abort: stopped,
        });
        try {
          databaseUrl = await openAccessorRole(server.url, { dataDir, database: "millrace" });
        } catch (error) {
          await server[Symbol.asyncDispose]();
          throw error;
        }
        return {
          ended: server.ended.then(() => "ended"),
          stop: async () => server[Symbol.asyncDispose](),
        };
      },
    };
    const service = (
      name: string,
      { args, env }: { args: string[]; env: Record<string, string | undefined> },
    ): Part => ({
      name,
      start: () =>
        startChild({
          command: process.execPath,
          args: [...nodeFlags(`${name}/main.ts`), `${checkout}${name}/main.ts`, ...args],
          env: {
            ...nodeEnvironment(`${name}/main.ts`),
            ...inTheClear,
            ...env,
            MILLRACE_LOG_LEVEL: level,
            MILLRACE_LOG_FORMAT: "pretty",
          },
          onOutput: (line) =>
            quiet || (name === "producer" ? output.status(name, line) : output.line(name, line)),
          onError: (line) => output.line(name, line),
        }),
    });
    const httpUrl = `http://127.0.0.1:${httpPort}`;
    const grpcUrl = `http://127.0.0.1:${grpcPort}`;
    const accessor: Part = {
      name: "accessor",
      async start(stopped) {
        const worker = await service("accessor", {
          args: ["--listen", `127.0.0.1:${grpcPort}`, "--auth", auth],
          env: { DATABASE_URL: databaseUrl },
        }).start(stopped);
        try {
          // Otherwise the other parts would begin with an error that they cannot connect.
          await untilListening(grpcPort, { ended: worker.ended, abort: stopped });
        } catch (error) {
          await worker.stop(1000);
          throw error;
        }
        return worker;
      },
    };
    const noDatabase = { DATABASE_URL: undefined };
    // While PostgreSQL and the accessor start.
    const consoleBuilt = buildConsole({
      checkout,
      say: (line) => output.line("console", line),
      abort,
    });
    const gateway: Part = {
      name: "gateway",
      async start(stopped) {
        await consoleBuilt;
        return service("gateway", {
          args: ["--listen", `127.0.0.1:${httpPort}`, "--accessor", grpcUrl],
          env: noDatabase,
        }).start(stopped);
      },
    };
    let key: string | undefined;
    const producer: Part = {
      name: "producer",
      async start(stopped) {
        const simulated = ["--machines", String(machines), "--seed", String(seed)];
        const args = ["--accessor", grpcUrl, ...simulated, "--spool", join(dataDir, "producer")];
        if (auth === "keys") {
          const producerId = await simulatorProducerId(dataDir);
          const made = {
            dataDir,
            producerId,
            databaseUrl: databaseUrl!,
            gatewayUrl: httpUrl,
            checkout,
          };
          key = await openSimulatorKey({ ...made, say, abort: stopped });
          args.push("--producer-id", producerId);
        }
        return service("producer", { args, env: { ...noDatabase, MILLRACE_API_KEY: key } }).start(
          stopped,
        );
      },
    };
    const parts = [
      ...(settings.databaseUrl ? [] : [postgres]),
      accessor,
      gateway,
      ...(machines === 0 ? [] : [producer]),
    ];
    const supervisor = await openSupervisor(parts, { say, abort });
    const headers = (): Record<string, string> =>
      key === undefined ? {} : { authorization: `Bearer ${key}` };
    const given = { machines, needsKey: auth === "keys", dataDir: settings.dataDir };
    untilServing(httpUrl, { abort, say, headers, hasSender: machines > 0 }).then(
      () => output.block(welcome({ httpUrl, grpcUrl, ...given })),
      (error: unknown) => abort.aborted || say(String(error)),
    );
    return {
      done: supervisor.done,
      async [Symbol.asyncDispose]() {
        say("stopping");
        await supervisor.stop(4400);
        say("stopped");
      },
    };
  },
});
