// Which state changes and error reports of a batch come again: with the same time and content as
// stored ones, or as earlier ones of the batch.
import { type ErrorReport, SignalKind, type StateChange } from "#gen/millrace/v1/signal_pb.ts";
import type { Database } from "../store/database.ts";
import { readErrorsAt, readStatesAt } from "../store/equal-events.ts";
import type { Placed } from "../store/ingest.ts";
import type { Series } from "../store/series.ts";

type Placeable = StateChange | ErrorReport;
type Content =
  | Pick<StateChange, "state" | "reason">
  | Pick<ErrorReport, "severity" | "code" | "message">;

/** Equal for equal records. U+0000 is in no text. */
export function eventKey(timeUs: number, record: Content): string {
  return "state" in record
    ? `${timeUs} ${record.state} ${record.reason}`
    : `${timeUs} ${record.severity} ${record.code}\0${record.message}`;
}

/** The records that are not among the known ones, each once. */
export function withoutKnown<T extends Placeable>(
  placed: readonly Placed<T>[],
  known: ReadonlySet<string>,
): Placed<T>[] {
  const seen = new Set(known);
  return placed.filter(({ timeUs, record }) => {
    const key = eventKey(timeUs, record);
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

/** Keys of what a series has at the times of some records, as of a revision. */
export async function storedKeys(
  database: Database,
  { kind, machineId }: Series,
  placed: readonly Placed<Placeable>[],
  { revision: through, abort }: { revision: number; abort: AbortSignal },
): Promise<Set<string>> {
  const asked = { machineId, timesUs: placed.map(({ timeUs }) => timeUs), through, abort };
  if (kind === SignalKind.STATE)
    return new Set(
      (await readStatesAt(database, asked)).map(([timeUs, state, reason]) =>
        eventKey(timeUs, { state, reason }),
      ),
    );
  return new Set(
    (await readErrorsAt(database, asked)).map(([timeUs, severity, code, message]) =>
      eventKey(timeUs, { severity, code, message }),
    ),
  );
}
