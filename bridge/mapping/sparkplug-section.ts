// The section [sparkplug] of a mapping file: whose nodes are read, how their machines are called,
// and what a death means.
import type { Duplicates } from "#gen/millrace/v1/signal_pb.ts";
import type { CheckedTable } from "./checked-table.ts";
import { checkDeclaration, type Rule, readRepeats, readRule } from "./rule.ts";
import { parseText, type TextTemplate } from "./templates.ts";

export type SparkplugMapping = {
  /** Groups that are read; empty: all. */
  readonly groups: readonly string[];
  /** Names of machines: of a device, with {group}, {node} and {device}; of a node itself. */
  readonly machine: TextTemplate;
  readonly nodeMachine: TextTemplate;
  /** "off": a machine whose node or device dies is OFF. "stale": nothing is written. */
  readonly death: "off" | "stale";
  /** The state of a machine that is born, if no metric gives its state. */
  readonly birthState: string | undefined;
  /** Of metrics that no rule takes; the default is STEP, since values are sent when they change. */
  readonly sampleType: string;
  readonly maxGap: string | undefined;
  /** Of metrics without a rule, and of states that deaths and births give. */
  readonly duplicates: Duplicates;
  /** Whether a missed message makes the bridge ask for a rebirth. */
  readonly rebirth: boolean;
  /** The first rule that fits the name of a metric takes it. */
  readonly metrics: readonly Rule[];
};

const nodeNames = ["group", "node"];
const deviceNames = [...nodeNames, "device"];

/** Undefined if there is a mistake, which the table has then noted. */
export function readSparkplug(table: CheckedTable): SparkplugMapping | undefined {
  const groups = table.texts("groups") ?? [];
  for (const group of groups)
    if (!/^[^+#/\0]+$/.test(group))
      table.mistake("groups", `"${group}" is not the id of a group: it has no + # or /`);
  const machine = template(table, "machine", deviceNames, "{group}/{node}/{device}");
  const nodeMachine = template(table, "node_machine", nodeNames, "{group}/{node}");
  const death = table.text("death") ?? "off";
  if (death !== "off" && death !== "stale") table.mistake("death", '"off" or "stale" is expected');
  const birthState = table.text("birth_state")?.toUpperCase();
  if (birthState !== undefined && !/^(ACTIVE|IDLE|FAULT|OFF)$/.test(birthState))
    table.mistake("birth_state", "ACTIVE, IDLE, FAULT or OFF is expected");
  const sampleType = table.text("sample_type") ?? "step";
  const maxGap = table.text("max_gap");
  checkDeclaration(table, { maxGap, sampleType });
  const duplicates = readRepeats(table);
  const rebirth = table.flag("rebirth") ?? true;
  const metrics = table.tables("metrics").flatMap((one) => {
    const rule = readRule(one, {
      addressKey: "metric",
      names: [...deviceNames, "metric"],
      defaults: { machine: "", value: "$", sampleType, maxGap },
    });
    return rule === undefined ? [] : [rule];
  });
  table.end();
  if (machine === undefined || nodeMachine === undefined) return undefined;
  const named = { groups, machine, nodeMachine };
  const declared = { sampleType, maxGap, duplicates };
  return {
    ...named,
    ...declared,
    birthState,
    rebirth,
    metrics,
    death: death === "stale" ? "stale" : "off",
  };
}

function template(
  table: CheckedTable,
  key: string,
  names: readonly string[],
  otherwise: string,
): TextTemplate | undefined {
  const parsed = parseText(table.text(key) ?? otherwise, names);
  if (!("fault" in parsed)) return parsed;
  table.mistake(key, parsed.fault);
  return undefined;
}
