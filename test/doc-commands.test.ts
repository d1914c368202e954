// The commands in the documents exist, and run with the Node that users have: the README permits
// 20, which runs no TypeScript.
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { loadSync } from "@grpc/proto-loader";
import { afterAll, expect, test } from "vitest";
import { childEnvironment } from "../runtime/config.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const run = promisify(execFile);
const { scripts } = JSON.parse(readFileSync(`${root}package.json`, "utf8")) as {
  scripts: Record<string, string>;
};
const pages = [...readdirSync(root), ...readdirSync(`${root}docs`).map((name) => `docs/${name}`)]
  .filter((name) => name.endsWith(".md"))
  .map((name) => ({ name, text: readFileSync(root + name, "utf8") }));
const matches = (pattern: RegExp) =>
  pages.flatMap(({ name, text }) =>
    Array.from(text.matchAll(pattern), ([whole, word]) => ({ name, whole, word: word! })),
  );

test("no command needs a Node that runs TypeScript, but the one in the image", () => {
  const found = matches(/\bnode (?:-\S+ )*([\w./-]+\.ts)\b/g).map(
    ({ name, word }) => `${name}: ${word}`,
  );
  expect(found).toEqual(["docs/operations.md: local/healthcheck.ts"]);
});

test("each npm run has its script", () => {
  const found = matches(/\bnpm run (?:-s )?([a-z][a-z:-]*)/g);
  expect(found.length).toBeGreaterThan(20);
  expect(found.filter(({ word }) => !(word in scripts))).toEqual([]);
});

test("each npx names a program that is there", async () => {
  const { stdout } = await run(process.execPath, [`${root}tools/millrace.mjs`, "--help"]);
  const programs = [...stdout.split(" ")[1]!.split("|"), "run"];
  const ours = matches(/\bnpx millrace ([a-z]+)/g);
  expect(ours.length).toBeGreaterThan(8);
  expect(ours.filter(({ word }) => !programs.includes(word))).toEqual([]);
  const others = matches(/\bnpx ([a-z][\w-]*)/g).filter(({ word }) => word !== "millrace");
  expect(others.filter(({ word }) => !existsSync(`${root}node_modules/.bin/${word}`))).toEqual([]);
});

const folder = mkdtempSync(join(tmpdir(), "millrace-commands-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** An older Node, as users have it. */
const older = (await Promise.all(["/usr/bin/node", "/usr/local/bin/node"].map(versionOf))).find(
  (one) => one !== undefined && one.major >= 20 && one.major < 24,
);

async function versionOf(path: string) {
  const version = await run(path, ["--version"]).catch(() => undefined);
  return version && { path, major: Number(/^v(\d+)/.exec(version.stdout)?.[1]) };
}

test("millrace run takes the Node that came with the packages, whichever starts it", async () => {
  const file = join(folder, "example.ts");
  writeFileSync(
    file,
    "const [, , word]: string[] = process.argv;\nconsole.log(process.version, word);\n",
  );
  const own = existsSync(`${root}node_modules/.bin/node`);
  const starter = own && older ? older.path : process.execPath;
  const { stdout } = await run(starter, [`${root}tools/millrace.mjs`, "run", "example.ts", "x"], {
    cwd: folder,
  });
  expect(stdout).toMatch(/^v2[4-9]\.\S+ x\n$/);
});

test("the contract that npm run contract writes compiles as it lies there", async () => {
  const out = join(folder, "contract");
  const env = childEnvironment({
    PATH: `${root}node_modules/.bin:${childEnvironment({}).PATH}`,
  }) as NodeJS.ProcessEnv;
  const deps = scripts.contract!.split(" && ")[1]!.split(" ").at(-1)!;
  await run(process.execPath, ["tools/proto-deps.ts", ".proto-deps"], { cwd: root, env });
  await run(process.execPath, [deps, out], { cwd: root, env });
  for (const file of readdirSync(join(out, "millrace/v1")))
    loadSync(`millrace/v1/${file}`, { includeDirs: [out] });
  const loaded = loadSync("millrace/v1/signal_service.proto", { includeDirs: [out] });
  expect(loaded["millrace.v1.SignalService"]).toHaveProperty("QuerySignals");
  const protoc = await run("protoc", ["--version"]).catch(() => undefined);
  const names = readdirSync(join(out, "millrace/v1")).map((file) => `millrace/v1/${file}`);
  if (protoc)
    await run("protoc", ["-I", out, "--descriptor_set_out", join(folder, "x.binpb"), ...names], {
      cwd: out,
    });
  const { stdout } = await run(
    "buf",
    ["build", join(out, "millrace.binpb"), "-o", "-#format=json"],
    {
      cwd: folder,
      env,
      maxBuffer: 2 ** 26,
    },
  );
  expect(stdout).toContain('"SignalService"');
}, 60_000);
