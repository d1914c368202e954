// Settings of a process: declared once, read from flags and environment, with all mistakes reported
// at once. The only reader of process.env and process.argv. How text becomes a value is in
// config-values.ts; which settings exist is each service's business.
import { parseArgs } from "node:util";
import type { ValueReader } from "./config-values.ts";
import { maskSecrets } from "./log.ts";
import { flagsThatNpmKept } from "./npm-flags.ts";

/**
 * One setting: where it may be given (flag before env before default), how it is read, and what it
 * is for.
 */
export interface Setting<T> {
  /** Without dashes: "http-port". A setting without a flag can only come from the environment. */
  readonly flag?: string;
  /** "MILLRACE_HTTP_PORT"; an empty variable counts as absent. */
  readonly env?: string;
  readonly parse: ValueReader<unknown>;
  /**
   * Written as a user would write it: "5s". A setting without a default is required, unless it is
   * optional, repeated or a switch.
   */
  readonly default?: string;
  readonly optional?: boolean;
  /**
   * May be given several times, or as a list with commas in the environment; the value is an array,
   * empty by default.
   */
  readonly repeat?: boolean;
  /** One line for `--help`. */
  readonly doc: string;
  /** Exists only for the type. */
  readonly value?: T;
}

type Declared<T> = Omit<Setting<T>, "parse" | "value"> & { readonly parse: ValueReader<T> };

/**
 * Declares a setting: its value is T, an array of T with `repeat: true`, or T | undefined with
 * `optional: true`.
 */
export function setting<T>(declared: Declared<T> & { repeat: true }): Setting<readonly T[]>;
export function setting<T>(declared: Declared<T> & { optional: true }): Setting<T | undefined>;
export function setting<T>(declared: Declared<T>): Setting<T>;
export function setting(declared: Setting<unknown>): Setting<unknown> {
  return declared;
}

export type SettingsShape = Readonly<Record<string, Setting<unknown>>>;
export type SettingsOf<S extends SettingsShape> = {
  readonly [K in keyof S]: S[K] extends Setting<infer T> ? T : never;
};

/** A program as `--help` shows it. */
export interface Program<S extends SettingsShape> {
  readonly name: string;
  readonly about: string;
  readonly settings: S;
}

/** What is wrong with the settings, one line per mistake; the caller exits with 2. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly mistakes: readonly string[];
  constructor(mistakes: readonly string[]) {
    super(mistakes.join("\n"));
    this.mistakes = mistakes;
  }
}

/** Not an error of the user: `--help` was asked for. `message` is the text to print. */
export class HelpRequested extends Error {
  override readonly name = "HelpRequested";
}

type Env = Readonly<Record<string, string | undefined>>;

/** The environment for a child process: ours with `changes`; undefined removes a variable. */
export function childEnvironment(changes: Env): Env {
  return { ...process.env, ...changes };
}

/**
 * Reads the settings of a program; throws ConfigError with every mistake, or HelpRequested. The
 * result is frozen.
 */
export function readSettings<S extends SettingsShape>(
  program: Program<S>,
  argv: readonly string[] = process.argv.slice(2),
  env: Env = process.env,
): SettingsOf<S> {
  const mistakes: string[] = [];
  const given = readFlags(program, argv, mistakes);
  const entries = Object.entries(program.settings).map(([key, one]) => {
    const value = readOne(one, {
      flags: one.flag ? given.get(one.flag) : undefined,
      env,
      mistakes,
    });
    return [key, value] as const;
  });
  const flags = Object.values(program.settings).flatMap(({ flag }) =>
    flag && !given.has(flag) ? [flag] : [],
  );
  const kept = flagsThatNpmKept(flags, env);
  if (kept !== undefined) throw new ConfigError([kept]);
  if (mistakes.length > 0) throw new ConfigError(mistakes);
  return Object.freeze(Object.fromEntries(entries)) as SettingsOf<S>;
}

/** The values given for each flag, in order; a switch without a value is "true". */
function readFlags(
  program: Program<SettingsShape>,
  argv: readonly string[],
  mistakes: string[],
): Map<string, string[]> {
  const known = new Map<string, Setting<unknown>>();
  for (const one of Object.values(program.settings)) if (one.flag) known.set(one.flag, one);
  const options = Object.fromEntries(
    [...known].map(([flag, one]) => [
      flag,
      { type: one.parse.placeholder ? ("string" as const) : ("boolean" as const), multiple: true },
    ]),
  );
  const { tokens } = parseArgs({
    args: [...argv],
    options,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const given = new Map<string, string[]>();
  for (const token of tokens) {
    if (token.kind === "positional")
      mistakes.push(`unexpected argument "${maskSecrets(token.value)}"; see --help`);
    if (token.kind !== "option") continue;
    const one = token.rawName.startsWith("--") ? known.get(token.name) : undefined;
    if (token.rawName === "--help" || token.rawName === "-h")
      throw new HelpRequested(helpText(program));
    if (!one) {
      mistakes.push(`unknown flag ${token.rawName}; see --help`);
      continue;
    }
    let value = token.value;
    if (value === undefined && !one.parse.placeholder) value = "true";
    // parseArgs takes the next flag as the value. "-" (standard input) and negative numbers are
    // real values.
    const swallowed = value !== undefined && !token.inlineValue && /^-[^\d]/.test(value);
    if (value === undefined || swallowed)
      mistakes.push(`--${token.name}: needs a value, expected ${one.parse.expects}`);
    else given.set(token.name, [...(given.get(token.name) ?? []), value]);
  }
  return given;
}

function readOne(
  one: Setting<unknown>,
  from: { flags: string[] | undefined; env: Env; mistakes: string[] },
): unknown {
  const variable = (one.env && from.env[one.env]) || undefined;
  const fromEnv =
    variable === undefined
      ? undefined
      : one.repeat
        ? variable.split(",").map((part) => part.trim())
        : [variable];
  const fromDefault =
    one.default === undefined ? undefined : one.repeat ? one.default.split(",") : [one.default];
  const texts = from.flags ?? fromEnv ?? fromDefault;
  const source = from.flags ? `--${one.flag}` : fromEnv ? one.env! : "the default";
  const names = [one.flag && `--${one.flag}`, one.env].filter(Boolean).join(" or ");
  if (texts === undefined) {
    if (one.repeat) return Object.freeze([]);
    if (one.optional) return undefined;
    if (!one.parse.placeholder) return false;
    from.mistakes.push(`${names} is required: ${one.doc}; expected ${one.parse.expects}`);
    return undefined;
  }
  const values = (one.repeat ? texts : texts.slice(-1)).map((text) => {
    const value = one.parse.read(text);
    if (value === undefined)
      from.mistakes.push(
        `${source}: "${shorten(maskSecrets(text))}" is not valid, expected ${one.parse.expects}`,
      );
    return value;
  });
  return one.repeat ? Object.freeze(values) : values[0];
}

const shorten = (text: string) => (text.length > 80 ? `${text.slice(0, 80)}…` : text);

/** The text of `--help`. */
export function helpText({ name, about, settings }: Program<SettingsShape>): string {
  const rows = Object.values(settings).map((one): [string, string] => {
    const head = one.flag
      ? `--${one.flag}${one.parse.placeholder ? ` ${one.parse.placeholder}` : ""}`
      : "(environment)";
    const notes = [
      one.env && `env ${one.env}`,
      one.default !== undefined && `default ${one.default}`,
      one.repeat && "may be repeated",
      !one.optional &&
        !one.repeat &&
        one.default === undefined &&
        one.parse.placeholder &&
        "required",
    ].filter(Boolean);
    return [head, `${one.doc}${notes.length > 0 ? ` [${notes.join(", ")}]` : ""}`];
  });
  rows.push(["--help", "this text"]);
  const width = rows.reduce((most, [head]) => Math.max(most, head.length), 0);
  return `${name}: ${about}\n\n${rows.map(([head, doc]) => `  ${head.padEnd(width)}  ${doc}\n`).join("")}`;
}

/**
 * The words before the first flag, and what follows them: "keys revoke ID --log-level debug".
 * Everything after "--" is a word, whatever it begins with.
 */
export function splitWords(argv: readonly string[] = process.argv.slice(2)): {
  words: string[];
  rest: string[];
} {
  const end = argv.indexOf("--");
  if (end !== -1) {
    const { words, rest } = splitWords(argv.slice(0, end));
    return { words: [...words, ...argv.slice(end + 1)], rest };
  }
  const first = argv.findIndex((word) => word.startsWith("-"));
  const at = first === -1 ? argv.length : first;
  return { words: argv.slice(0, at), rest: argv.slice(at) };
}
