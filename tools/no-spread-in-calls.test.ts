// The lint rule that forbids lists of any length as arguments finds them, and accepts everything
// else.
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const plugin = fileURLToPath(new URL("no-spread-in-calls.grit", import.meta.url));
const biome = fileURLToPath(new URL("../node_modules/.bin/biome", import.meta.url));

/** The plugin's own diagnostics of a source. */
async function lint(source: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "millrace-lint-"));
  try {
    const config = { plugins: [plugin], linter: { rules: { recommended: false } } };
    await writeFile(join(folder, "biome.json"), JSON.stringify(config));
    await writeFile(join(folder, "source.ts"), source);
    return await new Promise((resolve) => {
      execFile(
        biome,
        ["lint", "source.ts"],
        { cwd: folder, timeout: 60_000 },
        (_error, stdout, stderr) => resolve(stdout + stderr),
      );
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

test.each([
  ["a call", "Math.max(...list);"],
  ["a method, behind other arguments", "rows.push(first, ...list);"],
  ["a constructor", "new Set(...list);"],
  ["apply", "Math.max.apply(null, list);"],
])("%s", { timeout: 120_000 }, async (_, statement) => {
  expect(await lint(`${statement}\n`)).toMatch(/puts every element on the stack/);
});

test("spreads into arrays and objects, and tuples that stand there", {
  timeout: 120_000,
}, async () => {
  const said = await lint("f([...list], { ...one });\ng(...([1, 2] as const));\n");
  expect(said).not.toMatch(/on the stack/);
  expect(said).toMatch(/Checked 1 file/);
});
