// A real process each: how it starts, stops and fails.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { afterEach, expect, test } from "vitest";

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

const lifecycle = new URL("./lifecycle.ts", import.meta.url).href;
const config = new URL("./config.ts", import.meta.url).href;

/** Starts a process whose `open` has the given body; `up` resolves when it printed "up". */
function start(
  body: string,
  {
    args = [],
    env = {},
    graceMs = 5000,
  }: { args?: string[]; env?: Record<string, string>; graceMs?: number } = {},
) {
  const script = `import { run } from ${JSON.stringify(lifecycle)}; import { ConfigError } from ${JSON.stringify(config)};
    const say = (text) => process.stdout.write(text + "\\n");
    await run({ name: "demo", graceMs: ${graceMs}, async open({ abort, log }) { ${body} } });`;
  const child = spawn(
    process.execPath,
    ["--input-type=module", "-e", script, "--", "demo", ...args],
    {
      stdio: ["ignore", "pipe", "pipe", "pipe"],
      env: { ...process.env, ...env },
    },
  );
  children.push(child);
  let output = "";
  const { promise: up, resolve } = Promise.withResolvers<void>();
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.setEncoding("utf8").on("data", (text) => {
      output += text;
      if (/^up$/m.test(output)) resolve();
    });
  }
  const ended = once(child, "close").then(([code]) => ({ code: code as number | null, output }));
  return { child, up, ended, kill: (signal: NodeJS.Signals) => child.kill(signal) };
}

const clean = `say("up"); return { async [Symbol.asyncDispose]() { say("aborted " + abort.aborted); } };`;

test.each(["SIGINT", "SIGTERM"] as const)("%s disposes and exits with 0", async (signal) => {
  const { up, kill, ended } = start(clean);
  await up;
  kill(signal);
  expect(await ended).toEqual({ code: 0, output: "up\naborted true\n" });
});

test("the end of the parent's pipe disposes and exits with 0", async () => {
  const { child, up, ended } = start(clean, { env: { MILLRACE_PARENT_FD: "3" } });
  await up;
  child.stdio[3]!.destroy();
  expect(await ended).toEqual({ code: 0, output: "up\naborted true\n" });
});

test("a number that is not an open pipe is a wrong setting", async () => {
  const { code, output } = await start(clean, { env: { MILLRACE_PARENT_FD: "77" } }).ended;
  expect(code).toBe(2);
  expect(output).toContain("MILLRACE_PARENT_FD");
});

test("a signal that comes twice at once, as npm passes a Ctrl-C on, still stops in order", async () => {
  const { child, up, kill, ended } = start(
    `say("up"); return { async [Symbol.asyncDispose]() { say("stopping"); await new Promise((r) => setTimeout(r, 100)); say("stopped"); } };`,
  );
  await up;
  kill("SIGINT");
  await once(child.stdout!, "data");
  kill("SIGINT");
  expect(await ended).toEqual({ code: 0, output: "up\nstopping\nstopped\n" });
});

test("a second signal ends a slow stop at once", async () => {
  const { child, up, kill, ended } = start(
    `say("up"); return { async [Symbol.asyncDispose]() { say("slow"); await new Promise(() => {}); } };`,
  );
  await up;
  kill("SIGTERM");
  await once(child.stdout!, "data");
  const again = setInterval(() => kill("SIGTERM"), 50);
  const { code } = await ended;
  clearInterval(again);
  expect(code).toBe(143);
});

test("a stop that takes longer than its grace is cut off", async () => {
  const { up, kill, ended } = start(
    `say("up"); return { async [Symbol.asyncDispose]() { await new Promise(() => {}); } };`,
    { graceMs: 50 },
  );
  await up;
  kill("SIGTERM");
  const { code, output } = await ended;
  expect(code).toBe(1);
  expect(output).toContain("demo did not stop within 50 ms");
});

test("an open that fails exits with 1 and one line that says why", async () => {
  const { code, output } = await start(
    `throw new Error("no database", { cause: new Error("refused") });`,
  ).ended;
  expect(code).toBe(1);
  expect(output.trim().split("\n")).toHaveLength(1);
  expect(output).toContain("demo could not start: no database ← refused");
});

test("a signal while opening calls the open off", async () => {
  const { up, kill, ended } = start(
    `say("up"); await new Promise((_, no) => abort.addEventListener("abort", () => no(abort.reason)));`,
  );
  await up;
  kill("SIGINT");
  expect(await ended).toEqual({ code: 0, output: "up\n" });
});

test("wrong settings exit with 2, a line for each, wherever they are found", async () => {
  const flags = await start(clean, { args: ["--nope", "--log-level=loud"] }).ended;
  expect(flags.code).toBe(2);
  expect(flags.output).toMatch(
    /^demo: unknown flag --nope.*\ndemo: --log-level: "loud" is not valid, expected one of .*\n$/,
  );
  expect(await start(`throw new ConfigError(["--a and --b exclude each other"]);`).ended).toEqual({
    code: 2,
    output: "demo: --a and --b exclude each other\n",
  });
});

test("help is printed and exits with 0", async () => {
  const { code, output } = await start(clean, { args: ["--help"] }).ended;
  expect(code).toBe(0);
  expect(output).toContain("--log-level debug|info|warn|error|silent");
});

test("work that is done ends the process with 0, work that fails with 1", async () => {
  const dispose = `async [Symbol.asyncDispose]() { say("disposed"); }`;
  expect(await start(`return { done: Promise.resolve(), ${dispose} };`).ended).toEqual({
    code: 0,
    output: "disposed\n",
  });
  const failed = await start(`return { done: Promise.reject(new Error("broke")), ${dispose} };`)
    .ended;
  expect(failed.code).toBe(1);
  expect(failed.output).toContain("broke");
  expect(failed.output).toContain("disposed");
});

test("a dispose that fails exits with 1", async () => {
  const { code, output } = await start(
    `return { done: Promise.resolve(), async [Symbol.asyncDispose]() { throw new Error("stuck"); } };`,
  ).ended;
  expect(code).toBe(1);
  expect(output).toContain("stuck");
});

test.each([
  `Promise.reject(new Error("lost"));`,
  `setTimeout(() => { throw new Error("lost"); });`,
])("%s is logged and exits with 1", async (body) => {
  const { code, output } = await start(`${body} ${clean}`).ended;
  expect(code).toBe(1);
  expect(output).toContain("lost");
});
