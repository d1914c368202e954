// Live feeds for tests: read until enough messages came, and checked for unbroken cursors.
import type { MessageInitShape } from "@bufbuild/protobuf";
import { expect } from "vitest";
import type {
  WatchSignalsRequestSchema,
  WatchSignalsResponse,
} from "#gen/millrace/v1/signal_service_pb.ts";
import type { TestAccessor } from "./accessor.ts";

export type WatchRequest = MessageInitShape<typeof WatchSignalsRequestSchema>;

/** Machine and value of each sample. */
export const valuesIn = ({ batches }: WatchSignalsResponse) =>
  batches.flatMap(({ machine, samples }) => samples.map(({ values }) => `${machine}:${values[0]}`));

/** Reads until enough messages came; checks that each starts where the last one ended. */
export async function watch(
  { signals }: Pick<TestAccessor, "signals">,
  request: WatchRequest,
  enough: (message: WatchSignalsResponse) => boolean,
): Promise<WatchSignalsResponse[]> {
  const stop = new AbortController();
  const messages: WatchSignalsResponse[] = [];
  try {
    for await (const message of signals.watchSignals(request, { signal: stop.signal })) {
      if (messages.length > 0) expect(message.after).toBe(messages.at(-1)!.through);
      messages.push(message);
      if (enough(message)) break;
    }
  } finally {
    stop.abort();
  }
  return messages;
}

/** The start cursor of a request. */
export const after = (cursor: string) => ({
  start: { case: "afterCursor" as const, value: cursor },
});

/** The cursor of the newest commit that an accessor has published. */
export async function headOf(accessor: TestAccessor): Promise<string> {
  return (await accessor.signals.getLatest({})).cursor;
}
