// ListMachines and GetMachine: machines that have sent records or are described, in the order of
// their names.
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { MachineSchema } from "#gen/millrace/v1/signal_pb.ts";
import type {
  ListMachinesRequest,
  ListMachinesResponseSchema,
} from "#gen/millrace/v1/signal_service_pb.ts";
import { compareText } from "../../codec/compare-text.ts";
import { toTimestamp } from "../../codec/timestamps.ts";
import type { Catalog } from "../store/catalog.ts";
import { type Description, type Descriptions, isDescribed } from "../store/descriptions.ts";
import type { Series } from "../store/series.ts";
import { PageBudget } from "./page-budget.ts";
import { decodePageToken, encodePageToken, type TokenBasis } from "./page-token.ts";
import type { Seen } from "./seen.ts";

/** whole: the catalog of all machines, for those that the caller may see. */
export type SeenMachines = Pick<Seen, "catalog" | "permits" | "matched"> & {
  whole: Catalog;
  descriptions: Descriptions;
};

type MachineInit = MessageInitShape<typeof MachineSchema>;

/** Size of a machine without its lists and names. */
const entryBytes = 250;
const maxSignalsListed = 10_000;

export async function listMachines(
  seen: SeenMachines,
  { pageSize, pageToken }: ListMachinesRequest,
  token: TokenBasis,
): Promise<MessageInitShape<typeof ListMachinesResponseSchema>> {
  const { whole, descriptions } = seen;
  await descriptions.refresh();
  const limit = pageSize || 100;
  const last = pageToken === "" ? undefined : decodePageToken(pageToken, token);
  const lastName =
    last === undefined
      ? ""
      : last.after.position === described
        ? descriptions.machineOf(last.revision)
        : await whole.machineName(last.revision);
  const names = await namesAfter(seen, lastName ?? "", limit + 1);
  const series = names.length === 0 ? [] : await whole.select({ machines: names, signals: [] });
  const byMachine = Map.groupBy(series, ({ machine }) => machine);
  const page: MachineInit[] = [];
  const budget = new PageBudget(limit);
  for (const name of names) {
    const machine = toMachine(seen, name, byMachine.get(name) ?? []);
    if (!budget.take(bytesOf(machine))) break;
    page.push(machine);
  }
  const ended = page.at(-1)?.name ?? "";
  return {
    machines: page,
    nextPageToken: page.length < names.length ? encodePageToken(placeOf(seen, ended), token) : "",
  };
}

/** One machine; undefined if the caller sees none of that name. */
export async function getMachine(
  seen: Omit<SeenMachines, "matched">,
  name: string,
): Promise<MachineInit | undefined> {
  const { whole, descriptions, permits } = seen;
  if (permits?.(name) === false) return undefined;
  await descriptions.refresh();
  const series = await whole.select({ machines: [name], signals: [] });
  const description = descriptions.of(name);
  const isKnown = series.length > 0 || (description !== undefined && isDescribed(description));
  return isKnown ? toMachine(seen, name, series) : undefined;
}

/** Names of machines that the caller sees, ascending, from the first after `after`. */
async function namesAfter(
  { whole, catalog, descriptions, permits, matched }: SeenMachines,
  after: string,
  limit: number,
): Promise<string[]> {
  const mayBe = (name: string) => permits?.(name) !== false;
  if (matched !== undefined)
    return [...matched]
      .filter((name) => compareText(name, after) > 0 && mayBe(name))
      .sort(compareText)
      .slice(0, limit);
  const sending = (await catalog.machines(after, limit)).map(({ name }) => name);
  const silent: string[] = [];
  for (const name of descriptions.after(after)) {
    if (silent.length === limit) break;
    if (mayBe(name) && whole.machine(name) === undefined) silent.push(name);
  }
  return [...sending, ...silent].sort(compareText).slice(0, limit);
}

function toMachine(
  { whole, descriptions }: Pick<SeenMachines, "whole" | "descriptions">,
  name: string,
  own: readonly Series[],
): MachineInit {
  const signals = own.slice(0, maxSignalsListed).map(({ signal }) => signal);
  const entry = whole.machine(name);
  return {
    name,
    signals,
    signalsLeftOut: own.length - signals.length,
    ...(entry && { firstSeenTime: toTimestamp(entry.firstSeenUs) }),
    ...toFields(descriptions.of(name)),
  };
}

const toFields = (description: Description | undefined) => ({
  displayName: description?.displayName ?? "",
  labels: Object.fromEntries(description?.labels ?? []),
});

function bytesOf({ name = "", signals = [], displayName = "", labels = {} }: MachineInit): number {
  let bytes = entryBytes + Buffer.byteLength(name) + Buffer.byteLength(displayName);
  for (const signal of signals) bytes += 2 + signal.length;
  for (const [key, value] of Object.entries(labels))
    bytes += 8 + key.length + Buffer.byteLength(value);
  return bytes;
}

// A page ends at a name; the token has an id with that name, since names never change: that of a
// machine that has sent records, or that of a description.
const registered = 0;
const described = 1;

function placeOf({ whole, descriptions }: SeenMachines, name: string) {
  const machineId = whole.machine(name)?.id;
  const position = machineId === undefined ? described : registered;
  const revision = machineId ?? descriptions.of(name)?.id ?? 0;
  return { revision, after: { timeUs: 0, revision: 0, position } };
}
