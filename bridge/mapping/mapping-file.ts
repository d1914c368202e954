// Reads a mapping file: TOML that says which records the messages of a source give. All mistakes
// are named at once.
import { readFileSync } from "node:fs";
import { parse, TomlError } from "smol-toml";
import { type CheckedTable, checkTable } from "./checked-table.ts";
import { type OpcuaMapping, readOpcua } from "./opcua-section.ts";
import { type Rule, readRule } from "./rule.ts";
import { readSparkplug, type SparkplugMapping } from "./sparkplug-section.ts";

export type Mapping = {
  /** Every rule that fits a topic gives its records. */
  readonly topics: readonly Rule[];
  readonly sparkplug: SparkplugMapping | undefined;
  readonly opcua: OpcuaMapping | undefined;
};

/** What is wrong with a mapping file, a line for each mistake. */
export class MappingError extends Error {
  override readonly name = "MappingError";
  readonly mistakes: readonly string[];
  constructor(mistakes: readonly string[]) {
    super(mistakes.join("\n"));
    this.mistakes = mistakes;
  }
}

/** Most rules of a file: each message is compared with every one. */
const maxRules = 1_000;

/** Throws MappingError. */
export function readMapping(text: string): Mapping {
  const mistakes: string[] = [];
  const file = checkTable(parseToml(text), { at: "", mistakes });
  const topics = file.tables("topics").flatMap(readTopic);
  const ready = readReady(file);
  const section = file.table("sparkplug");
  const sparkplug = section && readSparkplug(section);
  const nodes = file.table("opcua");
  const opcua = nodes && readOpcua(nodes);
  file.end();
  if (topics.length > maxRules) mistakes.push(`more than ${maxRules} topics`);
  const isEmpty = topics.length + ready.length === 0 && sparkplug === undefined;
  if (mistakes.length === 0 && isEmpty && opcua === undefined)
    mistakes.push(
      'nothing is mapped: add [[topics]], [sparkplug], ready = ["mtconnect"] or [[opcua.nodes]]',
    );
  if (mistakes.length > 0) throw new MappingError(mistakes);
  return { topics: [...topics, ...ready], sparkplug, opcua };
}

function readTopic(table: CheckedTable): Rule[] {
  const rule = readRule(table, {
    addressKey: "topic",
    names: [],
    defaults: { machine: undefined, value: undefined },
  });
  return rule === undefined ? [] : [rule];
}

/** The mappings that come built in, as files of the same form. */
const readyNames = ["mtconnect"];

function readReady(file: CheckedTable): Rule[] {
  const names = file.texts("ready") ?? [];
  for (const name of names)
    if (!readyNames.includes(name))
      file.mistake("ready", `"${name}" is not one of ${readyNames.join(", ")}`);
  return names
    .filter((name) => readyNames.includes(name))
    .flatMap(
      (name) => readMapping(readFileSync(new URL(`${name}.toml`, import.meta.url), "utf8")).topics,
    );
}

function parseToml(text: string): Record<string, unknown> {
  try {
    return parse(text, { maxDepth: 20 });
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const [first = ""] = error.message.split("\n");
    const what = first.replace("Invalid TOML document: ", "");
    const hint = what.includes("in key") ? ': put it in quotes, as in "Störung" = "FAULT"' : "";
    throw new MappingError([`line ${error.line}, column ${error.column}: ${what}${hint}`]);
  }
}
