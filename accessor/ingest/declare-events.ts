// What a batch declares about the states and errors of its machine.
import { RecordKind } from "#gen/millrace/v1/ingest_service_pb.ts";
import {
  type Batch,
  type ErrorReport,
  SampleType,
  type StateChange,
} from "#gen/millrace/v1/signal_pb.ts";
import type { Catalog } from "../store/catalog.ts";
import type { Placed } from "../store/ingest.ts";
import { rejectEvents } from "./check-events.ts";
import { duplicatesFault, duplicatesMismatch } from "./check-samples.ts";
import { updateDeclaration } from "./register.ts";
import type { Verdicts } from "./verdicts.ts";

/**
 * Declares what duplicates mean for the series of a batch's events, where it is not declared yet.
 * Rejects all events of a series that is declared otherwise.
 */
export async function declareEvents(
  { machine, eventDuplicates: duplicates }: Batch,
  {
    stateChanges,
    errorReports,
    verdicts,
    catalog,
  }: {
    stateChanges: Placed<StateChange>[];
    errorReports: Placed<ErrorReport>[];
    verdicts: Verdicts;
    catalog: Catalog;
  },
): Promise<void> {
  if (duplicates === 0) return;
  const kinds = [
    ["state", stateChanges, RecordKind.STATE_CHANGE],
    ["error", errorReports, RecordKind.ERROR_REPORT],
  ] as const;
  for (const [signal, placed, kind] of kinds) {
    const series = catalog.find(machine, signal);
    if (placed.length === 0 || series === undefined) continue;
    const declaring = { unit: "", sampleType: SampleType.UNSPECIFIED, duplicates };
    const invalid = duplicatesFault(duplicates);
    if (invalid === undefined)
      await updateDeclaration(declaring, () => new Float64Array(0), { series, catalog });
    const fault = invalid ?? duplicatesMismatch(duplicates, series);
    if (fault !== undefined) rejectEvents(placed, kind, fault, verdicts);
  }
}
