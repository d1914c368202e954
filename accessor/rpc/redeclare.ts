// RedeclareSignal: corrects the declaration of a machine's signal.
import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  RedeclareSignalRequest,
  RedeclareSignalResponseSchema,
  SignalDeclarationSchema,
} from "#gen/millrace/v1/ingest_service_pb.ts";
import { Duplicates, SampleType, SignalKind } from "#gen/millrace/v1/signal_pb.ts";
import { maxMaxGapUs, textBounds, textFault } from "../../codec/row/text-fault.ts";
import { toDuration, toDurationUs } from "../../codec/timestamps.ts";
import { readUnit } from "../../codec/unit.ts";
import { Failure } from "../domain/failure.ts";
import { inferGapUs } from "../history/infer-gap.ts";
import { energyWarnings } from "../ingest/warnings.ts";
import type { Catalog } from "../store/catalog.ts";
import type { Series } from "../store/series.ts";
import { checkMachines, checkSignals, invalid } from "./check-request.ts";

type Options = {
  catalog: Catalog;
  /** Which machines the caller may write; undefined: all. */
  permits: ((machine: string) => boolean) | undefined;
};

export async function redeclareSignal(
  request: RedeclareSignalRequest,
  { catalog, permits }: Options,
): Promise<MessageInitShape<typeof RedeclareSignalResponseSchema>> {
  const { machine: name, signal, unit: given, maxGap, sampleType, duplicates } = request;
  const machines = [name];
  checkMachines(machines);
  checkSignals([signal]);
  const unit = given === undefined ? undefined : readUnit(given);
  const fault = unit === undefined ? undefined : textFault("unit", unit, textBounds.unit);
  if (fault !== undefined) throw invalid("unit", fault.message.replace(/^unit /, ""));
  const maxGapUs = maxGap === undefined ? undefined : toDurationUs(maxGap);
  if (maxGapUs !== undefined && !(maxGapUs > 0 && maxGapUs <= maxMaxGapUs))
    throw invalid("max_gap", "must be above 0 and at most 24 h");
  const ofSamples =
    unit !== undefined || maxGap !== undefined || sampleType !== SampleType.UNSPECIFIED;
  if (!ofSamples && duplicates === Duplicates.UNSPECIFIED) throw nothingGiven();
  // The name is already in its one form.
  const series = await findSeries(catalog, { machine: machines[0]!, signal, permits, ofSamples });
  const before = toDeclaration(series);
  const after = {
    unit: unit ?? series.unit,
    sampleType: sampleType || series.sampleType,
    duplicates: duplicates || series.duplicates,
    rhythm: maxGap === undefined ? series.rhythm : undefined,
  };
  // A max_gap that is not declared follows the type.
  const inferredUs = after.rhythm && inferGapUs(after.rhythm, after.sampleType);
  const wanted = { ...after, maxGapUs: maxGapUs ?? inferredUs ?? series.maxGapUs };
  if (request.validateOnly)
    return {
      before,
      after: toDeclaration(wanted),
      warnings: energyWarnings({ signal, ...wanted }),
    };
  await catalog.redeclare(
    series,
    { ...wanted, unit, sampleType: sampleType || undefined, duplicates: duplicates || undefined },
    { force: true },
  );
  return { before, after: toDeclaration(series), warnings: energyWarnings(series) };
}

/** No single field is at fault. */
function nothingGiven(): Failure {
  const fields = ["unit", "max_gap", "sample_type", "duplicates"];
  const description = "at least one of unit, max_gap, sample_type and duplicates must be given";
  const violations = fields.map((field) => ({ field, description }));
  return new Failure("REQUEST_INVALID", description, {
    violations,
    metadata: { field: fields.join(", ") },
  });
}

async function findSeries(
  catalog: Catalog,
  {
    machine,
    signal,
    permits,
    ofSamples,
  }: { machine: string; signal: string; permits: Options["permits"]; ofSamples: boolean },
): Promise<Series> {
  if (permits?.(machine) === false)
    throw new Failure("PERMISSION_DENIED", `the credential does not cover machine ${machine}`);
  const own = await catalog.select({ machines: [machine], signals: [] });
  if (own.length === 0)
    throw new Failure(
      "MACHINE_UNKNOWN",
      `no machine ${JSON.stringify(machine)} has sent anything`,
      {
        metadata: { machine },
      },
    );
  const series = own.find((one) => one.signal === signal);
  if (series === undefined) {
    const known = own
      .map((one) => one.signal)
      .join(", ")
      .slice(0, 500);
    const message = `${machine} has sent no signal "${signal}"; it has sent ${known}`;
    throw new Failure("SIGNAL_UNKNOWN", message, { metadata: { signal, known } });
  }
  if (ofSamples && series.kind !== SignalKind.NUMERIC) {
    const message = `"${signal}" has no samples, so it declares nothing but duplicates`;
    throw new Failure("SIGNAL_NOT_NUMERIC", message, { metadata: { signal } });
  }
  return series;
}

type Declared = Pick<Series, "unit" | "maxGapUs" | "rhythm" | "sampleType" | "duplicates">;

const toDeclaration = ({
  unit,
  maxGapUs,
  rhythm,
  sampleType,
  duplicates,
}: Declared): MessageInitShape<typeof SignalDeclarationSchema> => ({
  unit,
  ...(maxGapUs === undefined ? {} : { maxGap: toDuration(maxGapUs) }),
  maxGapInferred: rhythm !== undefined,
  sampleType: maxGapUs === undefined ? 0 : sampleType || SampleType.LINEAR,
  duplicates: duplicates || Duplicates.KEEP,
});
