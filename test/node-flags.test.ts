// Flags of Node are written in files that cannot import each other: they must agree.
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { nodeEnvironment, nodeFlags } from "../local/node-flags.ts";

const read = (file: string) => readFileSync(new URL(`../${file}`, import.meta.url), "utf8");

test.each(["accessor", "gateway", "producer"])("%s runs with the same flags everywhere", (name) => {
  const file = `${name}/main.ts`;
  const words = ["node", ...nodeFlags(file), file];
  const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
  const set = Object.entries(nodeEnvironment(file)).map(([key, value]) => `${key}=${value}`);
  expect(scripts[name]).toBe([...set, ...words].join(" "));
  expect(read("compose.yaml")).toContain(`command: [${words.join(", ")}, `);
});

test("and so does the image by itself", () => {
  const words = ["node", ...nodeFlags("accessor/main.ts"), "accessor/main.ts"];
  for (const [key, value] of Object.entries(nodeEnvironment("accessor/main.ts")))
    expect(read("Dockerfile")).toContain(`${key}=${value}`);
  expect(read("Dockerfile")).toContain(`CMD ${JSON.stringify(words).replaceAll(",", ", ")}`);
});
