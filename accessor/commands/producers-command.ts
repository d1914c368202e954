// npm run producers: lists the owners of producers and moves producers, in the accessor's database.
import { ConfigError, setting, splitWords } from "../../runtime/config.ts";
import { url } from "../../runtime/config-values.ts";
import { run } from "../../runtime/lifecycle.ts";
import { openDatabase } from "../store/database.ts";
import type { CommandContext } from "./key-actions.ts";
import {
  listProducersCommand,
  listSettings,
  moveCommand,
  moveSettings,
} from "./producer-actions.ts";

const databaseUrl = setting({
  env: "DATABASE_URL",
  parse: url({ schemes: ["postgres", "postgresql"] }),
  doc: "the accessor's PostgreSQL database",
});
const usage = "producers list | move ID --to OWNER | move --from OWNER --to OWNER";

const { words, rest: argv } = splitWords();
const [command = "", id = "", ...more] = words;

/** Runs one command. */
async function execute(
  { databaseUrl: at, log }: { databaseUrl: string; log: CommandContext["log"] },
  work: (context: CommandContext) => Promise<void>,
) {
  if (more.length > 0 || (command === "list" && id !== ""))
    throw new ConfigError([`expected: ${usage}`]);
  await using database = await openDatabase({
    url: at,
    applicationName: "millrace-producers",
    log,
  });
  await work({ database, log, print: (line) => void process.stdout.write(`${line}\n`) });
  return { done: Promise.resolve(), [Symbol.asyncDispose]: async () => {} };
}

if (command === "list") {
  await run({
    name: "producers",
    about: "Lists producers and their owners.",
    settings: { ...listSettings, databaseUrl },
    argv,
    open: ({ settings, log }) =>
      execute({ databaseUrl: settings.databaseUrl, log }, (context) =>
        listProducersCommand(settings, context),
      ),
  });
} else if (command === "move") {
  await run({
    name: "producers",
    about: "Moves a producer, or all producers of an owner, to another owner.",
    settings: { ...moveSettings, databaseUrl },
    argv,
    open: ({ settings, log }) =>
      execute({ databaseUrl: settings.databaseUrl, log }, (context) =>
        moveCommand({ id, ...settings }, context),
      ),
  });
} else {
  await run({
    name: "producers",
    about: usage,
    argv,
    open: () => {
      throw new ConfigError([`expected: ${usage}`]);
    },
  });
}
