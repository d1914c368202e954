// What POST /signals accepts, by media type, each with an example that can be sent unchanged.
import type { Route } from "./call.ts";
import { schemaOf } from "./schemas.ts";

const row = { machine: "mill-9", signal: "power", time: "now", value: 412.3, unit: "W" };

export const postExamples: NonNullable<Route["takes"]> = {
  "application/json": {
    schema: {
      anyOf: [
        schemaOf("PostedRows"),
        { type: "object", description: "A Batch, as protobuf's JSON has it." },
      ],
    },
    example: {
      signals: [
        row,
        { machine: "mill-9", signal: "state", time: "now", state: "ACTIVE", reason: "shift" },
      ],
    },
  },
  "application/x-ndjson": { schema: schemaOf("PostedRow"), example: `${JSON.stringify(row)}\n` },
  "text/csv": {
    schema: { type: "string", description: "The first line names the columns." },
    example: "machine,signal,time,value,unit\nmill-9,power,now,412.3,W\n",
  },
};
