// MachineService: shows one machine, and changes what it is called and labelled.
import type { ServiceImpl } from "@connectrpc/connect";
import type { MachineService, UpdateMachineRequest } from "#gen/millrace/v1/machine_service_pb.ts";
import { displayNameFault, maxLabels, readDisplayName, readLabel } from "../../codec/label.ts";
import { shownName } from "../../codec/machine-name.ts";
import { permitsOf, seeCatalog } from "../access/caller.ts";
import type { Epochs } from "../domain/epochs.ts";
import { Failure } from "../domain/failure.ts";
import type { Catalog } from "../store/catalog.ts";
import type { DescriptionChange, DescriptionLimit, Descriptions } from "../store/descriptions.ts";
import { checkMachines, invalid } from "./check-request.ts";
import { getMachine } from "./list-machines.ts";

export type MachineServiceOptions = {
  catalog: Catalog;
  descriptions: Descriptions;
  epochs: Pick<Epochs, "during">;
  /** Most machines that may be described: as many as may be registered. */
  maxMachines: number;
};

/** Of all descriptions together, as text. */
const maxBytes = 64 * 1024 * 1024;

export function createMachineService({
  catalog: whole,
  descriptions,
  epochs,
  maxMachines,
}: MachineServiceOptions): ServiceImpl<typeof MachineService> {
  return {
    getMachine: ({ machine: name }, context) => {
      const machine = oneName(name);
      const { catalog } = seeCatalog(whole, context);
      const seen = { whole, catalog, descriptions, permits: permitsOf(context) };
      return epochs.during(async () => {
        const found = await getMachine(seen, machine);
        if (found !== undefined) return { machine: found };
        const message = `no machine ${shownName(machine)} has sent anything or is described`;
        throw new Failure("MACHINE_UNKNOWN", message, { metadata: { machine } });
      });
    },

    async updateMachine(request, context) {
      const machine = oneName(request.machine);
      const change = toChange(request);
      const permits = permitsOf(context);
      if (permits?.(machine) === false)
        throw new Failure(
          "PERMISSION_DENIED",
          `the credential does not cover machine ${shownName(machine)}`,
        );
      const limit = await descriptions.change(machine, change, {
        maxLabels,
        maxMachines,
        maxBytes,
      });
      if (limit !== undefined) throw refusal(limit, maxMachines);
      const { catalog } = seeCatalog(whole, context);
      const seen = { whole, catalog, descriptions, permits };
      const found = await epochs.during(() => getMachine(seen, machine));
      return { machine: found ?? { name: machine } };
    },
  };
}

function oneName(text: string): string {
  const names = [text];
  checkMachines(names);
  return names[0]!;
}

/** Fails with REQUEST_INVALID. */
function toChange({
  displayName: given,
  labels: givenLabels,
  replaceLabels,
}: UpdateMachineRequest): DescriptionChange {
  const displayName = given === undefined ? undefined : readDisplayName(given);
  if (given !== undefined && displayName === undefined)
    throw invalid("display_name", displayNameFault(given));
  const labels = new Map<string, string>();
  for (const [key, text] of Object.entries(givenLabels)) {
    // An empty value removes the label; its key is still checked.
    const label = readLabel(key, text === "" ? "-" : text);
    if ("fault" in label) throw invalid("labels", label.fault);
    labels.set(key, text === "" ? "" : label.value);
  }
  return { displayName, labels, replaceLabels };
}

function refusal(limit: DescriptionLimit, maxMachines: number): Failure {
  if (limit === "labels")
    return invalid("labels", `are too many: a machine may have ${maxLabels} at most`);
  const [max, what] =
    limit === "described-machines"
      ? [maxMachines, "described machines"]
      : [maxBytes, "bytes of descriptions"];
  const message = `the limit of ${max} ${what} is reached`;
  return new Failure("QUOTA_EXCEEDED", message, { metadata: { limit, max: String(max) } });
}
