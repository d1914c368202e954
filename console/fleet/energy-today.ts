// The energy of each machine since midnight of the zone shown.

import { toTimestamp } from "../../codec/timestamps.ts";
import type { Clients } from "../contract/clients.ts";

/** kWh by machine; machines whose energy is not known are absent. */
export async function readEnergyToday(
  { signals }: Clients,
  { sinceUs, abort }: { sinceUs: number; abort: AbortSignal },
): Promise<ReadonlyMap<string, number>> {
  const energies = new Map<string, number>();
  for (let pageToken = ""; ; ) {
    const page = await signals.summarizeMachines(
      { startTime: toTimestamp(sinceUs), pageToken },
      { signal: abort },
    );
    for (const { machine, energy } of page.machines)
      if (energy !== undefined && energy.coverage > 0) energies.set(machine, energy.energyKwh);
    pageToken = page.nextPageToken;
    if (pageToken === "") return energies;
  }
}
