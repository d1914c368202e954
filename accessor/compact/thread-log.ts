// The log of a thread: entries are passed to the thread that owns the process's log.
import { causeChain, type Log, type LogFields } from "../../runtime/log.ts";
import type { LogEntry } from "./thread-messages.ts";

export function logTo(hand: (entry: LogEntry) => void, bound: LogFields = {}): Log {
  const at = (level: LogEntry["level"]) => (message: string, fields?: LogFields) =>
    hand({ level, message, fields: cloneable({ ...bound, ...fields }) });
  return {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    child: (fields) => logTo(hand, { ...bound, ...fields }),
  };
}

/**
 * An error is passed as one error with the messages of all its causes; a value that cannot be
 * cloned, as text.
 */
function cloneable(fields: LogFields): LogFields {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => {
      if (value instanceof Error)
        return [key, withStack(new Error(causeChain(value)), value.stack)];
      try {
        return [key, structuredClone(value)];
      } catch {
        return [key, String(value)];
      }
    }),
  );
}

function withStack(error: Error, stack: string | undefined): Error {
  if (stack !== undefined) error.stack = stack;
  return error;
}
