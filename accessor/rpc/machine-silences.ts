// The silences of machines in windows, read for many machines together.
import type { Window } from "../history/line-area.ts";
import type { Reads } from "../read/answer-revision.ts";
import { readSilentTimes, type SilentTime } from "../read/silences.ts";
import type { Series } from "../store/series.ts";

/** Machines whose silences are read together: a multiple of atOnce. */
export const silencesAtOnce = 240;

/** The silence of each machine, by id, in each window. */
export async function readMachineSilences(
  { database }: Pick<Reads, "database">,
  machines: readonly [string, Series[]][],
  {
    windows,
    ...of
  }: {
    windows: readonly Window[];
    revision: number;
    watermark: number;
    abort: AbortSignal;
  },
): Promise<Map<number, SilentTime[]>> {
  const slots = machines.flatMap(([, mine]) =>
    windows.map(({ fromUs, toUs }) => ({
      machineId: mine[0]!.machineId,
      series: mine,
      edgesUs: Float64Array.of(fromUs, toUs),
    })),
  );
  const found = (await readSilentTimes(database, slots, of)).map(([only]) => only!);
  return new Map(
    machines.map(([, mine], i) => [
      mine[0]!.machineId,
      found.slice(i * windows.length, (i + 1) * windows.length),
    ]),
  );
}
