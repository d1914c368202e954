// The numeric signals of the catalogue: of every page, power first, then by name.
import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { SignalKind } from "#gen/millrace/v1/signal_pb.ts";
import { ListSignalsResponseSchema } from "#gen/millrace/v1/signal_service_pb.ts";
import { readNumericSignals } from "./numeric-signals.ts";

test("every page is read, and numbers in names count by their size", async () => {
  const pages: Record<string, { names: string[]; next: string }> = {
    "": { names: ["temp_10", "error"], next: "b" },
    b: { names: ["temp_2", "power"], next: "c" },
    c: { names: ["pressure"], next: "" },
  };
  const client = {
    async listSignals({ pageToken = "" }: { pageToken?: string }) {
      const { names, next } = pages[pageToken]!;
      return create(ListSignalsResponseSchema, {
        nextPageToken: next,
        signals: names.map((name) => ({
          name,
          kind: name === "error" ? SignalKind.EVENT : SignalKind.NUMERIC,
          units: ["", "°C"],
        })),
      });
    },
  };
  const abort = new AbortController().signal;
  const found = await readNumericSignals(client as never, { machine: "mill-1", abort });
  expect(found.map(({ name }) => name)).toEqual(["power", "pressure", "temp_2", "temp_10"]);
  expect(found[0]).toMatchObject({ unit: "°C", maxGapUs: 60e6 });
});
