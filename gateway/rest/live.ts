// A live feed as Server-Sent Events or as NDJSON. Holds one message of the feed at a time and no
// rules about it.
import type { Batch } from "#gen/millrace/v1/signal_pb.ts";
import type { WatchSignalsResponse } from "#gen/millrace/v1/signal_service_pb.ts";
import { toJsonText } from "../../codec/row/json-text.ts";
import { batchRows } from "../../codec/row/record-rows.ts";
import { formatTime, fromTimestamp } from "../../codec/row/time-text.ts";
import { receivedBytes } from "../../runtime/grpc/received.ts";
import type { Problem } from "../errors/problem.ts";
import type { Body } from "./body.ts";
import type { Heartbeat } from "./call.ts";

/** How many characters are written before waiting for the client. */
const chunkCharacters = 64 * 1024;

export type LiveOptions = {
  heartbeat: Heartbeat;
  /** Converts a failure of the feed to a problem for the client. */
  toProblem: (error: unknown) => Problem;
};

/** How messages are written. */
type Dialect = {
  /** Written before everything else. */
  readonly opening: string;
  /** Keeps the connection alive between messages; `cursor` is the last. */
  beat(cursor: string): string;
  first(cursor: string, commitTime: string | undefined): string;
  bookmark(cursor: string, commitTime: string | undefined): string;
  readonly beforeRows: string;
  afterRows(cursor: string): string;
  failure(problem: Problem, cursor: string): string;
};

const event = (name: string, id: string, data: string) =>
  `event: ${name}\nid: ${id}\ndata: ${data}\n\n`;

/**
 * Events: `ready` first and at once, then one without a name for each stretch with records (`data`
 * is {"signals": [rows]}), `bookmark` if nothing matched, and `error` or, for a cursor that is too
 * old, `expired` (`data` is a problem) before an end that the client did not cause. The id of an
 * event is the cursor to continue after once the event has been processed; that of `expired` is the
 * earliest available cursor.
 */
export const eventStream: Dialect = {
  opening: "retry: 1000\n\n",
  beat: () => ": keep-alive\n\n",
  first: (cursor, commit_time) => event("ready", cursor, toJsonText({ cursor, commit_time })),
  bookmark: (cursor, commit_time) => event("bookmark", cursor, toJsonText({ cursor, commit_time })),
  beforeRows: 'data: {"signals":[',
  afterRows: (cursor) => `]}\nid: ${cursor}\n\n`,
  // A browser reconnects after this id: the earliest position in the log.
  failure: ({ body, status }, cursor) => {
    if (body["reason"] === "CURSOR_EXPIRED")
      return event("expired", earliestOf(body) ?? cursor, toJsonText(body));
    // The browser reconnects with the same id in any case; if that may fail repeatedly, not every
    // second.
    const retry = mayHelp.has(status) ? "" : "retry: 60000\n";
    return retry + event("error", cursor, toJsonText(body));
  },
};

/** Statuses for which reconnecting soon may help: too many requests, and unavailable. */
const mayHelp = new Set([429, 503]);

const earliestOf = ({ metadata }: Problem["body"]) =>
  (metadata as Record<string, string> | undefined)?.["earliest_cursor"];

/**
 * One object a line: {"signals": [rows], "cursor"}, with no rows at first and in bookmarks;
 * {"error": problem} before an end that the client did not cause.
 */
export const lines: Dialect = {
  opening: "",
  beat: (cursor) => line({ signals: [], cursor }),
  first: (cursor, commit_time) => line({ signals: [], cursor, commit_time }),
  bookmark: (cursor, commit_time) => line({ signals: [], cursor, commit_time }),
  beforeRows: '{"signals":[',
  afterRows: (cursor) => `],"cursor":${toJsonText(cursor)}}\n`,
  failure: ({ body }, cursor) => line({ error: body, cursor }),
};

const line = (value: Parameters<typeof toJsonText>[0]) => `${toJsonText(value)}\n`;

/**
 * Writes the feed until it ends or fails, or the client leaves. `start` is the cursor to send while
 * there is no message yet.
 */
export async function writeLive(
  feed: AsyncIterator<WatchSignalsResponse>,
  body: Body,
  {
    dialect,
    start,
    heartbeat,
    toProblem,
  }: LiveOptions & { dialect: Dialect; start: string | undefined },
): Promise<void> {
  let midMessage = false;
  let lastCursor = start;
  const stopBeating = heartbeat(() => {
    if (!midMessage && !body.full && lastCursor !== undefined)
      body.write(dialect.beat(lastCursor))?.catch(() => {});
  });
  /** Writes a piece of a message, or with `cursor` its last one. */
  const write = async (text: string, cursor?: string) => {
    const flowing = body.write(text);
    midMessage = cursor === undefined;
    lastCursor = cursor ?? lastCursor;
    await flowing;
  };
  let opened = false;
  const writeRows = async ({ batches, through, partial }: WatchSignalsResponse) => {
    let last = "";
    for (const piece of rowPieces(
      batches,
      opened ? { goesOn: true } : { opening: dialect.beforeRows },
    )) {
      if (last !== "") await write(last);
      last = piece;
    }
    // The parts of one commit become one message here.
    opened = partial;
    if (partial) await write(last);
    // Written at once, so that a message that fits into one piece is never half written, and an
    // error may follow it.
    else await write(last + dialect.afterRows(through), through);
  };
  try {
    let first = true;
    for (let next = await feed.next(); !next.done; next = await feed.next()) {
      const { value } = next;
      body.holds(receivedBytes(value));
      const empty = value.batches.length === 0;
      const commitTime = value.commitTime && formatTime(fromTimestamp(value.commitTime));
      if (first) {
        const cursor = empty ? value.through : value.after;
        await write(
          dialect.opening + dialect.first(cursor, empty ? commitTime : undefined),
          cursor,
        );
      } else if (empty) await write(dialect.bookmark(value.through, commitTime), value.through);
      if (!empty) await writeRows(value);
      first = false;
    }
  } catch (error) {
    // A message that was cut short is never dispatched by the client, which then resumes before it.
    if (!midMessage && !body.gone)
      await body.write(dialect.failure(toProblem(error), lastCursor ?? ""))?.catch(() => {});
  } finally {
    stopBeating();
    body.end();
  }
}

/** Yields all but the end of a message on one line, which can have a quarter of a million rows. */
function* rowPieces(
  batches: readonly Batch[],
  { opening = "", goesOn = false }: { opening?: string; goesOn?: boolean },
): Generator<string, void, undefined> {
  let text = opening;
  let separator = goesOn ? "," : "";
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
