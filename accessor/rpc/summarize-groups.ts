// SummarizeMachines by label: the machines with each value of a label, added up, in pages of whole
// groups.
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { SummarizeMachinesResponseSchema } from "#gen/millrace/v1/signal_service_pb.ts";
import type { MachineGroupSummarySchema } from "#gen/millrace/v1/summary_pb.ts";
import { compareText } from "../../codec/compare-text.ts";
import type { Window } from "../history/line-area.ts";
import type { Reads } from "../read/answer-revision.ts";
import { addToGroup, emptyGroup, toGroupSummary } from "../read/group-summary.ts";
import { measureMachine } from "../read/machine-summary.ts";
import type { Descriptions } from "../store/descriptions.ts";
import type { Series } from "../store/series.ts";
import { readMachineSilences, silencesAtOnce } from "./machine-silences.ts";
import { PageBudget } from "./page-budget.ts";
import { someAtOnce } from "./some-at-once.ts";

export type Machine = [name: string, series: Series[]];
export type Group = { value: string | undefined; machines: Machine[] };

type GroupInit = MessageInitShape<typeof MachineGroupSummarySchema>;

export type GroupsQuery = {
  groups: readonly Group[];
  /** A machine of the last group of the page before; undefined: this is the first page. */
  afterMachineId: number | undefined;
  window: Window;
  compared: Window | undefined;
  /** Most groups; 0: as many as fit. */
  pageSize: number;
  revision: number;
  watermark: number;
  abort: AbortSignal;
};

/** A page ends after so many machines. */
const maxMachines = 1_000;
/** Size of a group without its value and error codes. */
const groupBytes = 1_200;

/** By value of a label, ascending; machines without it come last. */
export function groupByLabel(
  machines: readonly Machine[],
  { key, descriptions }: { key: string; descriptions: Descriptions },
): Group[] {
  const byValue = Map.groupBy(machines, ([name]) => descriptions.of(name)?.labels.get(key));
  return [...byValue]
    .map(([value, own]) => ({ value, machines: own }))
    .sort(({ value: a }, { value: b }) =>
      a === undefined ? 1 : b === undefined ? -1 : compareText(a, b),
    );
}

/** The groups of a page, and a machine of the last one if there are more. */
export async function summarizeGroups(
  reads: Reads,
  { groups, afterMachineId, pageSize, ...query }: GroupsQuery,
): Promise<
  Pick<MessageInitShape<typeof SummarizeMachinesResponseSchema>, "groups" | "comparedGroups"> & {
    lastMachineId: number | undefined;
  }
> {
  const isLast = ({ machines }: Group) =>
    machines.some(([, [first]]) => first!.machineId === afterMachineId);
  const start = afterMachineId === undefined ? 0 : groups.findIndex(isLast) + 1;
  const budget = new PageBudget(pageSize || maxMachines);
  const [found, others]: [GroupInit[], GroupInit[]] = [[], []];
  let machines = 0;
  let at = start;
  for (; at < groups.length && budget.rows > 0; at++) {
    const group = groups[at]!;
    if (at > start && machines + group.machines.length > maxMachines) break;
    machines += group.machines.length;
    const [own, other] = await summarizeGroup(reads, group, query);
    const bytes = bytesOfGroup(own!) + (other === undefined ? 0 : bytesOfGroup(other));
    if (!budget.take(bytes)) break;
    found.push(own!);
    if (other !== undefined) others.push(other);
  }
  const last = at < groups.length ? groups[at - 1]?.machines[0] : undefined;
  return { groups: found, comparedGroups: others, lastMachineId: last?.[1][0]?.machineId };
}

type GroupQuery = Omit<GroupsQuery, "groups" | "afterMachineId" | "pageSize">;

/** The group in the window, and in the compared one. */
async function summarizeGroup(
  reads: Reads,
  { value, machines }: Group,
  { window, compared, ...of }: GroupQuery,
): Promise<GroupInit[]> {
  const windows = [window, ...(compared === undefined ? [] : [compared])];
  const sums = windows.map(emptyGroup);
  for (let at = 0; at < machines.length; at += silencesAtOnce) {
    const some = machines.slice(at, at + silencesAtOnce);
    const silent = await readMachineSilences(reads, some, { windows, ...of });
    const measured = await someAtOnce(some, async ([machine, series]) => {
      const { machineId } = series[0]!;
      const own = { machine, machineId, series, ...of };
      const found = [];
      for (const [i, one] of windows.entries())
        found.push(
          one.toUs <= one.fromUs
            ? undefined
            : await measureMachine(reads, { ...own, ...one, silent: silent.get(machineId)![i]! }),
        );
      return found;
    });
    for (const ofMachine of measured)
      for (const [i, one] of ofMachine.entries()) addToGroup(sums[i]!, one);
  }
  return sums.map((sum, i) => toGroupSummary(sum, { value, ...windows[i]! }));
}

function bytesOfGroup({ value = "", errors }: GroupInit): number {
  let bytes = groupBytes + Buffer.byteLength(value);
  for (const { code = "" } of errors?.byCode ?? []) bytes += 20 + Buffer.byteLength(code);
  return bytes;
}
