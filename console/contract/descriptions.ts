// What machines are called and labelled, of all that the caller may see.
import type { Client } from "@connectrpc/connect";
import type { Machine } from "#gen/millrace/v1/signal_pb.ts";
import type { SignalService } from "#gen/millrace/v1/signal_service_pb.ts";
import { readMachines } from "./machine-names.ts";

export type Description = {
  /** "": none. */
  readonly displayName: string;
  readonly labels: ReadonlyMap<string, string>;
};

export const descriptionOf = ({ displayName, labels }: Machine): Description => ({
  displayName,
  labels: new Map(Object.entries(labels)),
});

/** By name, of machines that are described. */
export async function readDescriptions(
  client: Pick<Client<typeof SignalService>, "listMachines">,
  abort: AbortSignal,
): Promise<ReadonlyMap<string, Description>> {
  const found = new Map<string, Description>();
  for (const machine of await readMachines(client, abort)) {
    const description = descriptionOf(machine);
    if (description.displayName !== "" || description.labels.size > 0)
      found.set(machine.name, description);
  }
  return found;
}
