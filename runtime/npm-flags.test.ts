// Flags that npm kept for itself are named, with the command that passes them on.
import { expect, test } from "vitest";
import { readSettings, setting } from "./config.ts";
import { count, onOff, text } from "./config-values.ts";

const program = {
  name: "x",
  about: "y",
  settings: {
    machines: setting({ flag: "machines", parse: count(), default: "5", doc: "" }),
    port: setting({ flag: "http-port", parse: count(), default: "1", doc: "" }),
    key: setting({ flag: "key", parse: text(), optional: true, doc: "" }),
    strict: setting({ flag: "strict", parse: onOff(), doc: "" }),
  },
};
const read = (argv: string[], env: Record<string, string>) => () =>
  readSettings(program, argv, env);

// What npm 10 and 11 make of each command.
test.each([
  ["start", ["3"], { npm_config_machines: "true" }, "Write npm start -- --machines …"],
  ["start", [], { npm_config_http_port: "81" }, "Write npm start -- --http-port=81"],
  [
    "producer",
    ["3"],
    { npm_config_machines: "true", npm_config_strict: "true" },
    "Write npm run producer -- --machines … --strict …",
  ],
])("npm %s with %j", (event, argv, env, said) => {
  expect(read(argv, { npm_lifecycle_event: event, ...env })).toThrow(said);
});

test.each([
  [
    "the program was given it too",
    ["--machines", "3"],
    { npm_lifecycle_event: "start", npm_config_machines: "true" },
  ],
  ["npm did not start it", ["--machines", "3"], { npm_config_http_port: "81" }],
  ["it is a setting of npm's", [], { npm_lifecycle_event: "start", npm_config_key: "PEM" }],
])("not where %s", (_, argv, env) => {
  expect(read(argv, env as unknown as Record<string, string>)().port).toBe(1);
});

test("a stray word that npm has nothing to do with stays one", () => {
  expect(read(["3"], { npm_lifecycle_event: "start" })).toThrow('unexpected argument "3"');
});
