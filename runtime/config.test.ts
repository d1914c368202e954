// Settings: precedence, every mistake at once, no secret in a message, typed and frozen results,
// help.
import { expect, expectTypeOf, test } from "vitest";
import { ConfigError, HelpRequested, readSettings, setting, splitWords } from "./config.ts";
import {
  count,
  durationMs,
  type ListenAddress,
  listenAddress,
  oneOf,
  onOff,
  text,
  url,
} from "./config-values.ts";

const program = {
  name: "demo",
  about: "shows settings",
  settings: {
    listen: setting({
      flag: "listen",
      env: "DEMO_LISTEN",
      parse: listenAddress(),
      default: "127.0.0.1:1",
      doc: "where",
    }),
    machines: setting({
      flag: "machines",
      env: "DEMO_MACHINES",
      parse: count({ min: 1, max: 100 }),
      default: "5",
      doc: "how many",
    }),
    quiet: setting({ flag: "quiet", env: "DEMO_QUIET", parse: onOff(), doc: "less" }),
    input: setting({ flag: "input", parse: text(), optional: true, doc: "a file" }),
    names: setting({ flag: "name", env: "DEMO_NAMES", parse: text(), repeat: true, doc: "names" }),
    database: setting({
      flag: "database-url",
      env: "DATABASE_URL",
      parse: url({ schemes: ["postgres"] }),
      doc: "the database",
    }),
  },
};
const base = { DATABASE_URL: "postgres://u:secret@h/db" };

test("a flag wins over the environment, which wins over the default", () => {
  expect(readSettings(program, [], base).machines).toBe(5);
  expect(readSettings(program, [], { ...base, DEMO_MACHINES: "6" }).machines).toBe(6);
  expect(readSettings(program, ["--machines", "7"], { ...base, DEMO_MACHINES: "6" }).machines).toBe(
    7,
  );
  expect(readSettings(program, ["--machines=7", "--machines=8"], base).machines).toBe(8);
  expect(readSettings(program, [], { ...base, DEMO_MACHINES: "" }).machines).toBe(5);
});

test("values are typed and the result is frozen", () => {
  const settings = readSettings(
    program,
    ["--name", "a", "--name=b", "--quiet", "--input", "-"],
    base,
  );
  expectTypeOf(settings.listen).toEqualTypeOf<ListenAddress>();
  expectTypeOf(settings.input).toEqualTypeOf<string | undefined>();
  expectTypeOf(settings.names).toEqualTypeOf<readonly string[]>();
  expectTypeOf(settings.quiet).toEqualTypeOf<boolean>();
  expect(settings).toEqual({
    listen: { host: "127.0.0.1", port: 1 },
    machines: 5,
    quiet: true,
    input: "-",
    names: ["a", "b"],
    database: "postgres://u:secret@h/db",
  });
  expect(Object.isFrozen(settings) && Object.isFrozen(settings.names)).toBe(true);
});

test("switches and lists come from the environment too, and a switch can be turned off again", () => {
  const env = { ...base, DEMO_QUIET: "true", DEMO_NAMES: "a, b" };
  expect(readSettings(program, [], env)).toMatchObject({ quiet: true, names: ["a", "b"] });
  expect(readSettings(program, ["--quiet=false", "--name=c"], env)).toMatchObject({
    quiet: false,
    names: ["c"],
  });
  expect(readSettings(program, [], base)).toMatchObject({ quiet: false, names: [] });
});

function mistakesOf(argv: string[], env: Record<string, string>): readonly string[] {
  try {
    readSettings(program, argv, env);
  } catch (error) {
    if (error instanceof ConfigError) return error.mistakes;
    throw error;
  }
  return [];
}

test("all mistakes are reported at once, each naming its source and what is allowed", () => {
  const mistakes = mistakesOf(
    ["--machines", "0", "--nmae=x", "extra", "--input", "--quiet", "-x"],
    {
      DEMO_LISTEN: "8080",
      DEMO_QUIET: "perhaps",
    },
  );
  expect(mistakes.toSorted()).toEqual(
    [
      "--input: needs a value, expected some text",
      '--machines: "0" is not valid, expected a whole number from 1 to 100',
      "--database-url or DATABASE_URL is required: the database; expected a URL that starts with postgres://",
      'DEMO_LISTEN: "8080" is not valid, expected HOST:PORT, as 127.0.0.1:50051 or [::1]:0',
      'DEMO_QUIET: "perhaps" is not valid, expected true or false',
      'unexpected argument "extra"; see --help',
      "unknown flag --nmae; see --help",
      "unknown flag -x; see --help",
    ].toSorted(),
  );
});

test("a flag named like a property of every object is unknown", () => {
  expect(mistakesOf(["--__proto__=1", "--constructor"], base)).toHaveLength(2);
});

test("a password in a wrong URL is not repeated", () => {
  expect(mistakesOf([], { DATABASE_URL: "mysql://u:hunter2@h/db" }).join()).not.toContain(
    "hunter2",
  );
});

test("words stand before the first flag, and after the end of flags whatever they begin with", () => {
  expect(splitWords(["keys", "list", "--all", "x"])).toEqual({
    words: ["keys", "list"],
    rest: ["--all", "x"],
  });
  expect(splitWords(["a", "--unit", "kW", "--", "-7", "--", "--unit"])).toEqual({
    words: ["a", "-7", "--", "--unit"],
    rest: ["--unit", "kW"],
  });
  expect(splitWords(["--"])).toEqual({ words: [], rest: [] });
});

test("help names every flag, variable and default", () => {
  const help = () => readSettings(program, ["--machines=bad", "--help"], {});
  expect(help).toThrow(HelpRequested);
  expect(help).toThrow(
    /demo: shows settings\n\n[\s\S]*--machines N +how many \[env DEMO_MACHINES, default 5\]/,
  );
  expect(help).toThrow(/--quiet +less \[env DEMO_QUIET\][\s\S]*--database-url URL .*required\]/);
});

test("a wrong default is reported, not hidden", () => {
  const broken = {
    name: "b",
    about: "",
    settings: {
      wait: setting({ flag: "wait", parse: durationMs(), default: "5", doc: "" }),
      way: setting({ flag: "way", parse: oneOf(["a"]), default: "a", doc: "" }),
    },
  };
  expect(() => readSettings(broken, [], {})).toThrow(/the default: "5" is not valid/);
});
