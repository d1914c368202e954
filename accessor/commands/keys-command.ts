// npm run keys: creates, lists, revokes and replaces keys in the accessor's database. It prints a
// new key once, to standard output, and logs changes to standard error.
import { ConfigError, type SettingsShape, setting, splitWords } from "../../runtime/config.ts";
import { url } from "../../runtime/config-values.ts";
import { type ProcessOptions, run } from "../../runtime/lifecycle.ts";
import { openDatabase } from "../store/database.ts";
import {
  assertRights,
  type CommandContext,
  createCommand,
  createSettings,
  listCommand,
  revokeCommand,
  rotateCommand,
  rotateSettings,
} from "./key-actions.ts";

const common = {
  databaseUrl: setting({
    env: "DATABASE_URL",
    parse: url({ schemes: ["postgres", "postgresql"] }),
    doc: "the accessor's PostgreSQL database",
  }),
};
const usage =
  "keys create --name NAME --scope SCOPE --machine PATTERN | list | revoke ID | rotate ID";

const { words, rest: argv } = splitWords();
const [command = "", id = "", ...more] = words;

type Given<S extends SettingsShape> = Parameters<ProcessOptions<S>["open"]>[0]["settings"];
type Command<S extends SettingsShape> = {
  about: string;
  settings: S;
  takesId: boolean;
  /** Throws if required settings are missing, before the database is queried. */
  check?: (settings: Given<S>) => void;
};

/** Runs one command; it expects as many words after its name as it takes. */
async function runCommand<S extends SettingsShape>(
  { about, settings, takesId, check }: Command<S>,
  work: (settings: Given<S>, context: CommandContext) => Promise<void>,
): Promise<never> {
  return run({
    name: "keys",
    about,
    settings: { ...settings, ...common },
    argv,
    async open({ settings: given, log }) {
      if (more.length > 0 || (id !== "") !== takesId || (takesId && !/^[0-9a-f]{12}$/.test(id)))
        throw new ConfigError([`expected: ${usage}; an ID is 12 of 0-9, a-f`]);
      check?.(given);
      await using database = await openDatabase({
        url: given.databaseUrl as string,
        applicationName: "millrace-keys",
        log,
      });
      const print = (line: string) => void process.stdout.write(`${line}\n`);
      await work(given, { database, log, print });
      return { done: Promise.resolve(), [Symbol.asyncDispose]: async () => {} };
    },
  });
}

switch (command) {
  case "create":
    await runCommand(
      {
        about: "Creates a key and prints it, once.",
        settings: createSettings,
        takesId: false,
        check: assertRights,
      },
      createCommand,
    );
    break;
  case "list":
    await runCommand({ about: "Lists all keys.", settings: {}, takesId: false }, (_, context) =>
      listCommand(context),
    );
    break;
  case "revoke":
    await runCommand({ about: "Revokes a key.", settings: {}, takesId: true }, (_, context) =>
      revokeCommand(id, context),
    );
    break;
  case "rotate":
    await runCommand(
      {
        about: "Replaces a key with a new one that has the same rights.",
        settings: rotateSettings,
        takesId: true,
      },
      ({ overlap }, context) => rotateCommand({ id, overlap }, context),
    );
    break;
  default:
    await run({
      name: "keys",
      about: usage,
      argv,
      open: () => {
        throw new ConfigError([`expected: ${usage}`]);
      },
    });
}
