// docs/settings.md shows the existing settings, docs/operations.md lists who listens where,
// docs/dependencies.md names the packages.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { withSettings } from "../tools/settings-blocks.ts";
import { startProgram } from "./testing/processes.ts";

const read = (path: string) =>
  readFileSync(fileURLToPath(new URL(`../${path}`, import.meta.url)), "utf8");

test("settings are as --help prints them; if not, run npm run docs", () => {
  const page = read("docs/settings.md");
  expect(page.match(/<!-- settings: /g)).toHaveLength(6);
  expect(page).toBe(withSettings(page));
});

test("every dependency is named with its reason, and none that is not there", () => {
  const { dependencies, optionalDependencies, devDependencies } = JSON.parse(
    read("package.json"),
  ) as Record<string, Record<string, string>>;
  const declared = [dependencies, optionalDependencies, devDependencies].flatMap((part) =>
    Object.keys(part!),
  );
  const named = [
    ...read("docs/dependencies.md").matchAll(/^\| `([^`]+)`(?:, `([^`]+)`)? \|/gm),
  ].flatMap(([, ...names]) => names);
  expect(named.filter(Boolean).sort()).toEqual(declared.sort());
});

test.each(["accessor", "gateway"])(
  "the %s does not listen beyond this machine unless told so",
  async (service) => {
    const env = { DATABASE_URL: "postgres://u@127.0.0.1:1/d" };
    await using program = startProgram(`${service}/main.ts`, ["--listen", "0.0.0.0:0"], env);
    expect(await program.ended).toBe(2);
    expect(program.lines.join()).toContain("accept it with --listen-without-tls");
  },
);
