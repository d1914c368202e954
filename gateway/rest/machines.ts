// GET, PUT and PATCH /machines/{machine}, and GET /machines: what machines are called and labelled.
import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  MachineService,
  type UpdateMachineRequestSchema,
} from "#gen/millrace/v1/machine_service_pb.ts";
import type { Machine } from "#gen/millrace/v1/signal_pb.ts";
import { displayNameFault, readDisplayName, readLabel } from "../../codec/label.ts";
import { unknownField } from "../../codec/row/fields.ts";
import { timeText } from "../../codec/row/time-text.ts";
import { lazyList } from "../encoding/json-in-turns.ts";
import { HttpProblem } from "../errors/problem.ts";
import { invalidField } from "../errors/reasons.ts";
import { type RestAnswer, type RestCall, route } from "./call.ts";
import { nextPage } from "./page.ts";
import type { Parameter } from "./parameters.ts";
import { schemaOf } from "./schemas.ts";

const pathDoc = { machine: "Name of the machine, percent-encoded: a slash in it is %2F." };
const parameterByField = { machine: "machine" };
const takes = {
  "application/json": {
    schema: schemaOf("Description"),
    example: { display_name: "Press 7", labels: { line: "3", hall: "north" } },
  },
};

export const machineRoutes = [
  route({
    method: "GET",
    path: "/machines/{machine}",
    pathDoc,
    summary: "One machine",
    doc:
      "What it is called and labelled, the signals that it has sent, and when it was first seen. " +
      "404 if it has neither sent anything nor been described. A machine that is named summary " +
      "is only in the list.",
    rpc: MachineService.method.getMachine,
    query: {},
    formats: ["json"],
    answer: { json: schemaOf("Machine") },
    example: "/machines/mill-1",
    parameterByField,
    async handle({ path, upstream, unary }) {
      const { machine } = await upstream.machines.getMachine({ machine: path["machine"]! }, unary);
      return { body: toJson(machine!) };
    },
  }),
  route({
    method: "PUT",
    path: "/machines/{machine}",
    pathDoc,
    summary: "Replace the description of a machine",
    doc:
      "Replaces its display name and all its labels; what is absent is removed. A machine may be " +
      "described before it has sent anything. The response is the machine as it is then.",
    rpc: MachineService.method.updateMachine,
    query: {},
    formats: ["json"],
    answer: { json: schemaOf("Machine") },
    takes,
    example: "/machines/mill-1",
    parameterByField,
    handle: (call) => update(call, { displayName: "", replaceLabels: true, ...readBody(call) }),
  }),
  route({
    method: "PATCH",
    path: "/machines/{machine}",
    pathDoc,
    summary: "Change what a machine is called and labelled",
    doc:
      "Changes what is named and leaves the rest: a display name, single labels. null or an empty " +
      "text removes one, and null for `labels` all of them. The response is the machine as it is " +
      "then.",
    rpc: MachineService.method.updateMachine,
    query: {},
    formats: ["json"],
    answer: { json: schemaOf("Machine") },
    takes,
    example: "/machines/mill-1",
    parameterByField,
    handle(call) {
      const change = readBody(call);
      if (Object.keys(change).length === 0)
        throw invalidField("body", `give at least one of ${known.join(", ")}`);
      return update(call, change);
    },
  }),
];

type Change = Omit<MessageInitShape<typeof UpdateMachineRequestSchema>, "machine" | "$typeName">;

async function update(
  { path, upstream, unary }: RestCall<Record<never, never>>,
  change: Change,
): Promise<RestAnswer> {
  const asked = { ...change, machine: path["machine"]! };
  const { machine } = await upstream.machines.updateMachine(asked, unary);
  return { body: toJson(machine!) };
}

const known = ["display_name", "labels"];
const otherSpelling = "displayName";

/** Only what is named. Throws for a field that is unknown or has an invalid value. */
function readBody({ body }: RestCall<Record<never, never>>): Change {
  if (typeof body === "object" && body !== null && Symbol.asyncIterator in body)
    throw new HttpProblem(415, "send the body as application/json");
  if (typeof body !== "object" || body === null || Array.isArray(body))
    throw invalidField("body", `expected an object with some of ${known.join(", ")}`);
  const change: Change = {};
  for (const [key, value] of Object.entries(body)) {
    const name = key === otherSpelling ? "display_name" : key;
    if (name === "display_name") {
      if (change.displayName !== undefined) throw invalidField(name, "given in both spellings");
      change.displayName = readName(value);
    } else if (name === "labels") {
      if (value === null) change.replaceLabels = true;
      else change.labels = readLabels(value);
    } else {
      const of = "a field of a machine's description";
      throw invalidField(name.slice(0, 80), unknownField(name, { of, known }));
    }
  }
  return change;
}

function readName(value: unknown): string {
  if (value === null) return "";
  if (typeof value !== "string") throw invalidField("display_name", "a text or null is expected");
  const name = readDisplayName(value);
  if (name === undefined) throw invalidField("display_name", displayNameFault(value));
  return name;
}

/** An empty value removes a label. */
function readLabels(labels: unknown): Record<string, string> {
  if (typeof labels !== "object" || labels === null || Array.isArray(labels))
    throw invalidField("labels", 'expected an object, such as {"line": "3"}, or null');
  const read = Object.entries(labels).map(([key, value]): [string, string] => {
    const removes = value === null || value === "";
    if (!removes && typeof value !== "string")
      throw invalidField("labels", `label ${key.slice(0, 80)} must be a text, or null`);
    const found = readLabel(key, removes ? "-" : value);
    if ("fault" in found) throw invalidField("labels", found.fault);
    return [key, removes ? "" : found.value];
  });
  return Object.fromEntries(read);
}

const toJson = ({
  name,
  displayName,
  labels,
  signals,
  signalsLeftOut,
  firstSeenTime,
}: Machine) => ({
  name,
  display_name: displayName || undefined,
  labels,
  signals,
  signals_left_out: signalsLeftOut || undefined,
  first_seen_time: timeText(firstSeenTime),
});

type ListQuery = {
  label: Parameter<string[]>;
  limit: Parameter<number>;
  page_token: Parameter<string>;
};

export async function listMachines({
  query,
  upstream,
  unary,
}: RestCall<ListQuery>): Promise<RestAnswer> {
  const asked = {
    labels: query.label ?? [],
    pageSize: query.limit ?? 0,
    pageToken: query.page_token ?? "",
  };
  const { machines, nextPageToken } = await upstream.signals.listMachines(asked, unary);
  return {
    ...nextPage(nextPageToken),
    body: { machines: lazyList(machines, toJson), next_page_token: nextPageToken },
  };
}
