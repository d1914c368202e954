// The section [opcua] of a mapping file: which nodes of a server are watched, and what they give.
import { parseInterval } from "../../codec/row/duration.ts";
import type { CheckedTable } from "./checked-table.ts";
import { checkDeclaration, type Rule, readRule } from "./rule.ts";

export type OpcuaNode = {
  /** As servers write it: "ns=2;s=Press4.Power". */
  readonly nodeId: string;
  readonly rule: Rule;
  /** How often the server looks at the value; undefined: as for all. */
  readonly samplingMs: number | undefined;
};

export type OpcuaMapping = {
  readonly nodes: readonly OpcuaNode[];
  readonly samplingMs: number;
  /** How often the server sends what has changed. */
  readonly publishingMs: number;
  /** Whether values of uncertain quality are stored; those of bad quality are gaps. */
  readonly uncertain: boolean;
};

const nodePattern =
  /^(?:ns=\d{1,5};)?(?:i=\d{1,10}|s=.{1,1000}|g=[0-9a-fA-F-]{36}|b=[\w+/=]{1,1000})$/s;

/** Undefined if there is a mistake, which the table has then noted. */
export function readOpcua(table: CheckedTable): OpcuaMapping | undefined {
  const machine = table.text("machine");
  const samplingMs = readMs(table, "sampling") ?? 1_000;
  const publishingMs = readMs(table, "publishing") ?? 1_000;
  const uncertain = table.flag("uncertain") ?? false;
  const sampleType = table.text("sample_type") ?? "step";
  const maxGap = table.text("max_gap");
  checkDeclaration(table, { maxGap, sampleType });
  const defaults = { machine, value: "$", sampleType, maxGap };
  const nodes = table.tables("nodes").flatMap((one) => readNode(one, defaults));
  if (nodes.length === 0) table.mistake(undefined, "nothing is watched: add [[opcua.nodes]]");
  table.end();
  return { nodes, samplingMs, publishingMs, uncertain };
}

function readNode(
  table: CheckedTable,
  defaults: Parameters<typeof readRule>[1]["defaults"],
): OpcuaNode[] {
  const nodeId = table.text("node");
  if (nodeId !== undefined && !nodePattern.test(nodeId)) {
    table.mistake(
      "node",
      'the id of a node is expected, such as "ns=2;s=Press4.Power" or "i=2258"',
    );
    return [];
  }
  const samplingMs = readMs(table, "sampling");
  const rule = readRule(table, { addressKey: "node", names: [], defaults });
  return rule === undefined || nodeId === undefined ? [] : [{ nodeId, rule, samplingMs }];
}

function readMs(table: CheckedTable, key: string): number | undefined {
  const text = table.text(key);
  if (text === undefined) return undefined;
  const us = parseInterval(text);
  if (us !== undefined && us >= 1_000n && us <= 3_600_000_000n) return Number(us) / 1000;
  table.mistake(key, 'a length of time from 1 ms to 1 h is expected, such as "100ms"');
  return undefined;
}
