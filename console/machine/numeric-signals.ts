// The numeric signals of a machine, as the catalogue has them: power first, then by name.
import type { Client } from "@connectrpc/connect";
import { SampleType, type SignalInfo, SignalKind } from "#gen/millrace/v1/signal_pb.ts";
import type { SignalService } from "#gen/millrace/v1/signal_service_pb.ts";
import { toDurationUs } from "../../codec/timestamps.ts";

export type NumericSignal = {
  readonly name: string;
  /** Empty if none is declared. */
  readonly unit: string;
  /** Samples that are farther apart are not joined. */
  readonly maxGapUs: number;
  /** Values hold until the next one. */
  readonly stepped: boolean;
  readonly counter: boolean;
};

/** temp_2 before temp_10. */
const byName = new Intl.Collator("en", { numeric: true });

/** While the catalogue does not say how far samples may be apart. */
const unknownGapUs = 60e6;

export async function readNumericSignals(
  client: Pick<Client<typeof SignalService>, "listSignals">,
  { machine, abort }: { machine: string; abort: AbortSignal },
): Promise<NumericSignal[]> {
  const all: SignalInfo[] = [];
  for (let pageToken = ""; ; ) {
    const page = await client.listSignals({ machines: [machine], pageToken }, { signal: abort });
    for (const one of page.signals) all.push(one);
    pageToken = page.nextPageToken;
    if (pageToken === "") break;
  }
  return all
    .filter(({ kind }) => kind === SignalKind.NUMERIC)
    .map(({ name, units, maxGap, sampleTypes }) => ({
      name,
      unit: units.find((unit) => unit !== "") ?? "",
      maxGapUs: maxGap === undefined ? unknownGapUs : toDurationUs(maxGap),
      stepped: sampleTypes.includes(SampleType.STEP),
      counter: sampleTypes.includes(SampleType.COUNTER),
    }))
    .sort(
      (a, b) =>
        Number(b.name === "power") - Number(a.name === "power") || byName.compare(a.name, b.name),
    );
}
