// The check of the checks: breaks each protection in a copy of the checkout, and a chaos round or a
// test must notice. node proof/chaos/mutants.ts [--only part-of-a-name]
import { spawn } from "node:child_process";
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { Catch } from "./mutant.ts";
import { applyEdits } from "./mutant-edits.ts";
import { mutants } from "./mutant-list.ts";

const checkout = fileURLToPath(new URL("../..", import.meta.url));
const { values } = parseArgs({ options: { only: { type: "string", default: "" } } });
const deadlineMs = 240_000;

const chosen = mutants.filter(({ name }) => name.includes(values.only));
if (chosen.length === 0) throw new Error(`no mutant's name has "${values.only}" in it`);
let missed = 0;
for (const mutant of chosen) {
  const startedMs = performance.now();
  const copy = await mkdtemp(join(tmpdir(), "millrace-mutant-"));
  try {
    await copyCheckout(copy);
    await applyEdits(mutant, {
      read: (file) => readFile(join(copy, file), "utf8"),
      write: (file, text) => writeFile(join(copy, file), text),
    });
    const { caught, by } = await run(copy, mutant.catch);
    if (!caught) missed++;
    console.log(
      `${caught ? "caught" : "MISSED"} ${mutant.name} (${((performance.now() - startedMs) / 1000).toFixed(0)} s): ${by}`,
    );
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}
console.log(missed === 0 ? "every mutant was caught" : `${missed} mutants were missed`);
process.exit(missed === 0 ? 0 : 1);

async function copyCheckout(copy: string): Promise<void> {
  const left = new Set(["node_modules", ".git", ".millrace"]);
  await cp(checkout, copy, {
    recursive: true,
    filter: (path) => !left.has(path.slice(checkout.length)),
  });
  await symlink(join(checkout, "node_modules"), join(copy, "node_modules"));
}

async function run(
  copy: string,
  { chaos, test, says }: Catch,
): Promise<{ caught: boolean; by: string }> {
  const command =
    chaos === undefined
      ? ["node_modules/vitest/vitest.mjs", "run", "--reporter=dot", test!]
      : ["proof/chaos/main.ts", "--until-failure", "--folder", join(copy, "rounds"), ...chaos];
  const { code, output } = await execute(command, copy);
  const line = output.split("\n").find((one) => says.test(one));
  return code !== 0 && line !== undefined
    ? {
        caught: true,
        by: `${chaos === undefined ? test : `chaos ${chaos.join(" ")}`}: ${line.trim().slice(0, 160)}`,
      }
    : {
        caught: false,
        by: `exit code ${code}: ${output.trim().split("\n").slice(-6).join(" | ").slice(0, 800)}`,
      };
}

function execute(
  command: readonly string[],
  cwd: string,
): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, command, { cwd, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text: string) => {
        output += text;
      });
    const timer = setTimeout(() => child.kill("SIGTERM"), deadlineMs);
    child.once("close", (code) => {
      clearTimeout(timer);
      resolve({ code, output });
    });
  });
}
