// The machines that the caller may see, and their names.
import type { Client } from "@connectrpc/connect";
import type { Machine } from "#gen/millrace/v1/signal_pb.ts";
import type { SignalService } from "#gen/millrace/v1/signal_service_pb.ts";

type Lister = Pick<Client<typeof SignalService>, "listMachines">;

/** Ascending by name, with those that are described and have sent nothing. */
export async function readMachines(client: Lister, abort: AbortSignal): Promise<Machine[]> {
  const machines: Machine[] = [];
  for (let pageToken = ""; ; ) {
    const page = await client.listMachines({ pageSize: 1_000, pageToken }, { signal: abort });
    for (const machine of page.machines) machines.push(machine);
    pageToken = page.nextPageToken;
    if (pageToken === "") return machines;
  }
}

/** Of machines that have sent something, ascending. */
export async function readMachineNames(client: Lister, abort: AbortSignal): Promise<string[]> {
  const machines = await readMachines(client, abort);
  return machines.flatMap(({ name, firstSeenTime }) => (firstSeenTime === undefined ? [] : [name]));
}
