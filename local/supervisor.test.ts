// Stand-in children as real processes: order, restarts, giving up, stopping, and what a kill -9 of
// the supervisor leaves.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { sleep } from "../runtime/backoff.ts";
import { startChild } from "./child.ts";
import { assertPortsFree, untilListening, untilServing } from "./readiness.ts";
import { openSupervisor, type Part, type Worker } from "./supervisor.ts";

const lifecycle = JSON.stringify(new URL("../runtime/lifecycle.ts", import.meta.url).href);
const abort = new AbortController().signal;

/** A child that says its pid when up and its name when it stops, and takes `stopMs` to stop. */
const wellBehaved = (name: string, stopMs = 0) => `import { run } from ${lifecycle};
  await run({ name: "${name}", open: () => { console.log("up " + process.pid); return { async [Symbol.asyncDispose]() {
    await new Promise((resolve) => setTimeout(resolve, ${stopMs})); console.log("stopped ${name}"); } }; } });`;

function standIn(name: string, { script, said }: { script: string; said: string[] }): Part {
  return {
    name,
    start: () =>
      startChild({
        command: process.execPath,
        args: ["--input-type=module", "-e", script],
        onOutput: (line) => said.push(`${name}: ${line}`),
        onError: (line) => said.push(`${name}! ${line}`),
      }),
  };
}

async function eventually(check: () => boolean): Promise<void> {
  for (const until = performance.now() + 10_000; !check(); await sleep(20)) {
    if (performance.now() > until) throw new Error("not within 10 s");
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

const pidOf = (line: string | undefined) => Number(/up (\d+)/.exec(line ?? "")?.[1]);

test("children stop last first, each before the next", async () => {
  const said: string[] = [];
  const parts = ["a", "b", "c"].map((name) =>
    standIn(name, { script: wellBehaved(name, 50), said }),
  );
  const supervisor = await openSupervisor(parts, { say: () => {}, abort });
  await eventually(() => said.length === 3);
  await supervisor.stop(5000);
  await supervisor.done;
  await eventually(() => said.length === 6);
  expect(said.slice(3)).toEqual(["c: stopped c", "b: stopped b", "a: stopped a"]);
});

test("a child that ignores the request is ended by force within the time given", async () => {
  const said: string[] = [];
  const script = `process.on("SIGTERM", () => {}); console.log("up " + process.pid); setInterval(() => {}, 1000);`;
  const supervisor = await openSupervisor([standIn("stubborn", { script, said })], {
    say: () => {},
    abort,
  });
  await eventually(() => said.length === 1);
  const begun = performance.now();
  await supervisor.stop(200);
  expect(performance.now() - begun).toBeLessThan(2000);
  expect(isAlive(pidOf(said[0]))).toBe(false);
});

test("a child that is killed is started again, and that is said", async () => {
  const said: string[] = [];
  const news: string[] = [];
  const part = standIn("a", { script: wellBehaved("a"), said });
  const supervisor = await openSupervisor([part], {
    say: (text) => news.push(text),
    abort,
    retryMs: 1,
  });
  await eventually(() => said.length === 1);
  process.kill(pidOf(said[0]), "SIGKILL");
  await eventually(() => said.length === 2);
  expect(pidOf(said[1])).not.toBe(pidOf(said[0]));
  expect(news).toEqual([
    expect.stringMatching(/^a was ended by SIGKILL; starting it again in \d+ ms$/),
  ]);
  await supervisor.stop(5000);
  expect(isAlive(pidOf(said[1]))).toBe(false);
});

test("a child that keeps ending is given up after eight ends within a minute, not after eight in an hour", async () => {
  const news: string[] = [];
  let clock = 0;
  let starts = 0;
  const part: Part = {
    name: "a",
    start: () => {
      starts++;
      // The first ten live for 20 s each, then it dies at once.
      if (starts <= 10) clock += 20_000;
      return { ended: Promise.resolve("ended with code 1"), stop: async () => {} };
    },
  };
  const supervisor = await openSupervisor([part], {
    say: (text) => news.push(text),
    abort,
    now: () => clock,
    retryMs: 1,
  });
  await expect(supervisor.done).rejects.toThrow(
    "a ended with code 1, 8 times within a minute; giving up",
  );
  expect(starts).toBeGreaterThan(10);
  expect(news).toHaveLength(starts - 1);
});

test("if a part can't be started, those before it are stopped", async () => {
  const said: string[] = [];
  const first = standIn("a", { script: wellBehaved("a"), said });
  const second: Part = {
    name: "b",
    async start() {
      await eventually(() => said.length === 1);
      throw new Error("no data folder");
    },
  };
  await expect(openSupervisor([first, second], { say: () => {}, abort })).rejects.toThrow(
    "no data folder",
  );
  expect(isAlive(pidOf(said[0]))).toBe(false);
});

test("a kill -9 of the supervisor ends its children", async () => {
  const script = `import { startChild } from ${JSON.stringify(new URL("./child.ts", import.meta.url).href)};
    startChild({ command: process.execPath, args: ["--input-type=module", "-e", ${JSON.stringify(wellBehaved("a"))}],
      onOutput: (line) => console.log(line), onError: console.error }); setInterval(() => {}, 1000);`;
  const supervisor = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const pid = pidOf(String((await once(supervisor.stdout, "data"))[0]));
  expect(isAlive(pid)).toBe(true);
  supervisor.kill("SIGKILL");
  await eventually(() => !isAlive(pid));
});

test("a secret in the environment of a child is not among its arguments, and a variable can be taken away", async () => {
  const said: string[] = [];
  const child = startChild({
    command: process.execPath,
    args: [
      "-e",
      "console.log(process.env.DATABASE_URL, process.env.HOME, process.env.MILLRACE_PARENT_FD, process.argv.length)",
    ],
    env: { DATABASE_URL: "postgres://u:p@h/d", HOME: undefined },
    onOutput: (line) => said.push(line),
    onError: (line) => said.push(line),
  });
  expect(await child.ended).toBe("ended with code 0");
  await eventually(() => said.length > 0);
  expect(said).toEqual(["postgres://u:p@h/d undefined 3 1"]);
});

test("a port in use is one line with the flag to use", async () => {
  const server = createHttpServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await expect(assertPortsFree([{ port, flag: "http-port" }])).rejects.toThrow(
    `port ${port} is in use by another program; choose another with --http-port`,
  );
  server.close();
  await once(server, "close");
  await assertPortsFree([{ port, flag: "http-port" }]);
  await expect(
    assertPortsFree([
      { port, flag: "a" },
      { port, flag: "b" },
    ]),
  ).rejects.toThrow("choose another with --b");
});

test("a port is listening from its first connection on, and waiting ends with the one who should listen", async () => {
  const server = createHttpServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const never = new Promise<string>(() => {});
  await untilListening(port, { ended: never, abort });
  server.close();
  await once(server, "close");
  await untilListening(port, { ended: Promise.resolve("ended"), abort });
  await expect(
    untilListening(port, { ended: never, abort: AbortSignal.timeout(100) }),
  ).rejects.toThrow("timeout");
});

test("serving means: ready, and with samples to show", async () => {
  const asked: string[] = [];
  const answers = [
    [503, "{}"],
    [200, "ok"],
    [404, "{}"],
    [200, `{"signals":[]}`],
    [200, `{"signals":[{"value":1}]}`],
  ] as const;
  const server = createHttpServer((request, response) => {
    const [status, body] = answers[Math.min(asked.push(request.url!), answers.length) - 1]!;
    response.writeHead(status).end(body);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const news: string[] = [];
  await untilServing(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, {
    abort,
    say: (text) => news.push(text),
    patienceMs: 0,
  });
  expect(asked).toEqual(["/readyz", "/readyz", ...Array(3).fill("/signals/power/latest")]);
  expect(news).toContain("still waiting for the first samples");
  server.close();
});

test("a part that is being started again when all is to stop is stopped too, once it has started", async () => {
  const again = Promise.withResolvers<void>();
  const started = Promise.withResolvers<Worker>();
  let stopped = 0;
  let starts = 0;
  const part: Part = {
    name: "slow",
    start() {
      starts++;
      if (starts === 1)
        return { ended: Promise.resolve("ended with code 1"), stop: async () => {} };
      again.resolve();
      return started.promise;
    },
  };
  const supervisor = await openSupervisor([part], { say: () => {}, abort, retryMs: 1 });
  await again.promise;
  let isOver = false;
  const stopping = supervisor.stop(1_000).then(() => {
    isOver = true;
  });
  await new Promise(setImmediate);
  expect([isOver, stopped]).toEqual([false, 0]);
  started.resolve({
    ended: new Promise(() => {}),
    async stop() {
      stopped++;
    },
  });
  await stopping;
  await supervisor.done;
  expect([starts, stopped]).toEqual([2, 1]);
});
