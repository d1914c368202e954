// The names of all machines that the caller may see.
import type { Client } from "@connectrpc/connect";
import type { SignalService } from "#gen/millrace/v1/signal_service_pb.ts";

/** Ascending. */
export async function readMachineNames(
  client: Pick<Client<typeof SignalService>, "listMachines">,
  abort: AbortSignal,
): Promise<string[]> {
  const names: string[] = [];
  for (let pageToken = ""; ; ) {
    const page = await client.listMachines({ pageSize: 1_000, pageToken }, { signal: abort });
    for (const { name } of page.machines) names.push(name);
    pageToken = page.nextPageToken;
    if (pageToken === "") return names;
  }
}
