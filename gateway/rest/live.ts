// A live feed as Server-Sent Events. Holds one message of the feed at a time and no rules about it.
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import type { Batch } from "#gen/millrace/v1/signal_pb.ts";
import type { WatchSignalsResponse } from "#gen/millrace/v1/signal_service_pb.ts";
import { toJsonText } from "./json.ts";
import type { Problem } from "./problem.ts";
import { batchRows } from "./rows.ts";
import { formatTime, fromTimestamp } from "./time.ts";

/** What goes out before the client's kernel is asked whether it keeps up. */
const chunkCharacters = 64 * 1024;

/** Calls `beat` now and then until the returned function is called. */
export type Heartbeat = (beat: () => void) => () => void;

export type LiveOptions = {
  /** Aborted when the client has gone or the gateway stops. */
  signal: AbortSignal;
  heartbeat: Heartbeat;
  /** What to tell the client when the feed fails. */
  toProblem: (error: unknown) => Problem;
};

/**
 * Writes the feed until it ends, fails or `signal` aborts, and ends the response. Rejects, with nothing written, if the feed fails before
 * its first message.
 *
 * Events: `ready` first and at once, then one without a name for each stretch that holds records (`data` is {"signals": [rows]}),
 * `bookmark` where nothing matched, and `error` (`data` is a problem) before an end that is not the client's. The id of an event is
 * the cursor to go on after once the event has been dealt with.
 */
export async function writeLive(
  feed: AsyncIterable<WatchSignalsResponse>,
  response: ServerResponse,
  { signal, heartbeat, toProblem }: LiveOptions,
): Promise<void> {
  const messages = feed[Symbol.asyncIterator]();
  const first = await messages.next();
  response.writeHead(200, {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache, no-transform",
    // nginx would otherwise hold events back.
    "x-accel-buffering": "no",
  });
  let midEvent = false;
  let lastCursor = "";
  const stopBeating = heartbeat(() => {
    if (!midEvent && !response.writableNeedDrain) response.write(": keep-alive\n\n");
  });
  /** Writes a piece of an event, or with `cursor` its last one. */
  const write = async (text: string, cursor?: string) => {
    const flowing = response.write(text);
    midEvent = cursor === undefined;
    lastCursor = cursor ?? lastCursor;
    if (!flowing) await drained(response, signal);
    signal.throwIfAborted();
  };
  const writeData = async ({ batches, through }: WatchSignalsResponse) => {
    for (const piece of rowPieces(batches)) await write(piece);
    await write(`]}\nid: ${through}\n\n`, through);
  };
  try {
    if (!first.done) {
      const { value } = first;
      const empty = value.batches.length === 0;
      const cursor = empty ? value.through : value.after;
      await write(`retry: 1000\n\n${cursorEvent("ready", cursor, empty ? value : undefined)}`, cursor);
      if (!empty) await writeData(value);
    }
    for (let next = await messages.next(); !next.done; next = await messages.next()) {
      const { value } = next;
      if (value.batches.length > 0) await writeData(value);
      else await write(cursorEvent("bookmark", value.through, value), value.through);
    }
  } catch (error) {
    // An event that was cut short is never dispatched by the client, which then resumes before it.
    if (!midEvent && !response.destroyed) {
      const { body } = toProblem(error);
      response.write(`event: error\nid: ${lastCursor}\ndata: ${toJsonText(body)}\n\n`);
    }
  } finally {
    stopBeating();
    await messages.return?.();
    response.end();
  }
}

function cursorEvent(event: "ready" | "bookmark", cursor: string, at: WatchSignalsResponse | undefined): string {
  const commitTime = at?.commitTime && formatTime(fromTimestamp(at.commitTime));
  return `event: ${event}\nid: ${cursor}\ndata: ${toJsonText({ cursor, commit_time: commitTime })}\n\n`;
}

/** All but the end of an event on one line of data: a catch-up message can hold a million rows. */
function* rowPieces(batches: readonly Batch[]): Generator<string, void, undefined> {
  let text = `data: {"signals":[`;
  let separator = "";
  for (const batch of batches) {
    for (const row of batchRows(batch)) {
      text += separator + toJsonText(row);
      separator = ",";
      if (text.length < chunkCharacters) continue;
      yield text;
      text = "";
    }
  }
  yield text;
}

/** Resolves when the response takes more; rejects with the signal's reason when it aborts. */
async function drained(response: ServerResponse, signal: AbortSignal): Promise<void> {
  try {
    await once(response, "drain", { signal });
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  }
}
