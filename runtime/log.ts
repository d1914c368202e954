// The log of a process: one JSON line per entry, or readable text on a terminal. It has no files
// and no rotation.

/** Levels in order of severity; a log writes its level and above. */
export const logLevels = ["debug", "info", "warn", "error", "silent"] as const;
export type LogLevel = (typeof logLevels)[number];
export type LogFields = Readonly<Record<string, unknown>>;

/**
 * A log that is passed in, never imported. An Error in `fields` is written with its chain of
 * causes; passwords in URLs and in fields named like secrets are masked. No method throws.
 */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A log that adds `fields` to every entry. */
  child(fields: LogFields): Log;
}

export interface LogOptions {
  /** Name of the process in each entry. */
  name: string;
  /** Default "info". */
  level?: LogLevel;
  /** Default "json", or "pretty" if standard error is a terminal. */
  format?: "json" | "pretty";
  /**
   * Takes each finished entry, with its line end. Default: standard error (standard output is for
   * data).
   */
  sink?: (line: string) => void;
  /**
   * Colours for "pretty". Default: on if standard error supports colours (which respects NO_COLOR).
   */
  color?: boolean;
  /** Milliseconds since the epoch; default Date.now. */
  now?: () => number;
}

/** Builds a log. */
export function createLog(options: LogOptions): Log {
  const { stderr } = process;
  const format = options.format ?? (stderr.isTTY ? "pretty" : "json");
  const color = options.color ?? (stderr.isTTY && stderr.hasColors());
  const { name, level = "info", sink = (line) => stderr.write(line), now = Date.now } = options;
  const threshold = logLevels.indexOf(level);
  const write = (entry: Entry) => {
    if (logLevels.indexOf(entry.level) < threshold) return;
    try {
      sink(format === "json" ? jsonLine(entry) : prettyLine(entry, color));
    } catch (error) {
      // A getter or toJSON of a field may throw; that must not make the caller fail.
      sink(
        `${JSON.stringify({ level: "error", name, message: `log entry failed: ${String(error)}` })}\n`,
      );
    }
  };
  const bind = (bound: LogFields): Log => {
    const at = (entryLevel: LogLevel) => (message: string, fields?: LogFields) =>
      write({ timeMs: now(), level: entryLevel, name, message, bound, fields });
    return {
      debug: at("debug"),
      info: at("info"),
      warn: at("warn"),
      error: at("error"),
      child: (fields) => bind({ ...bound, ...fields }),
    };
  };
  return bind({});
}

/**
 * A log for events that others can cause as often as they like: it passes a limited number of
 * warnings and errors a second (default 20), and reports how many it dropped with the next one that
 * passes.
 */
export function limitLines(
  log: Log,
  {
    maxPerSecond = 20,
    monotonicMs = () => performance.now(),
  }: { maxPerSecond?: number; monotonicMs?: () => number } = {},
): Log {
  let [startedMs, written, passedOver] = [Number.NEGATIVE_INFINITY, 0, 0];
  const limit =
    (write: (message: string, fields?: LogFields) => void) =>
    (message: string, fields?: LogFields) => {
      const nowMs = monotonicMs();
      if (nowMs - startedMs >= 1_000) {
        if (passedOver > 0)
          log.warn("too many warnings and errors to log each one", {
            count: passedOver,
          });
        [startedMs, written, passedOver] = [nowMs, 0, 0];
      }
      if (written === maxPerSecond) passedOver++;
      else {
        written++;
        write(message, fields);
      }
    };
  const wrap = (inner: Log): Log => ({
    debug: inner.debug,
    info: inner.info,
    warn: limit(inner.warn),
    error: limit(inner.error),
    child: (fields) => wrap(inner.child(fields)),
  });
  return wrap(log);
}

// C0, DEL and C1, bidirectional controls, and separators that some programs take for line ends.
// Terminals act on them.
const control = /[\p{Cc}\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;
const named: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/**
 * A text for one line of a terminal: characters that would move the cursor, change colours or
 * control the terminal are written as escapes.
 */
export const printable = (text: string): string =>
  text.replace(
    control,
    (char) => named[char] ?? `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );

const maxTextLength = 8_192;

/** A text of an entry: without secrets, and limited in length. */
function toLogText(text: string): string {
  const masked = maskSecrets(text);
  return masked.length <= maxTextLength
    ? masked
    : `${masked.slice(0, maxTextLength)}… (${masked.length - maxTextLength} characters more)`;
}

/** `text` with the passwords of URLs and connection strings replaced by `***`. */
export function maskSecrets(text: string): string {
  if (!text.includes("://") && !/password/i.test(text)) return text;
  return (
    text
      // A password with an unescaped "@" or "/" is common in hand-written database URLs: mask up to
      // the last "@". All runs are bounded: otherwise a text with many beginnings and no end took
      // time quadratic in its length.
      .replace(/\b(postgres(?:ql)?:\/\/[^\s:@/"']{0,256}:)[^\s"']{0,1024}@/gi, "$1***@")
      .replace(/\b([a-z][a-z0-9+.-]{0,31}:\/\/[^\s:@/"']{0,256}:)[^\s@/"']{1,1024}@/gi, "$1***@")
      .replace(/(password\s*=\s*)('[^']*'|[^\s&"']+)/gi, "$1***")
  );
}

interface Entry {
  timeMs: number;
  level: LogLevel;
  name: string;
  message: string;
  bound: LogFields;
  fields: LogFields | undefined;
}

const secretKey = /password|passwd|secret|authorization|api_?key/i;
const maxDepth = 8;

function jsonLine({ timeMs, level, name, message, bound, fields }: Entry): string {
  const head = { time: new Date(timeMs).toISOString(), level, name, message: toLogText(message) };
  // Spread first: a field must not replace the time or the level of its entry.
  const line = JSON.stringify({
    ...head,
    ...(plain({ ...bound, ...fields }, 0) as object),
    ...head,
  });
  // JSON itself escapes only C0.
  return `${printable(line)}\n`;
}

/**
 * A copy that JSON can carry: errors with causes, bigint as text, masked strings, bounded depth (so
 * cycles end).
 */
function plain(value: unknown, depth: number): unknown {
  if (typeof value === "string") return toLogText(value);
  if (typeof value === "bigint") return value.toString();
  if (typeof value === "number" && !Number.isFinite(value)) return String(value);
  if (typeof value === "function" || typeof value === "symbol") return String(value);
  if (typeof value !== "object" || value === null) return value;
  if (depth >= maxDepth) return "…";
  if (value instanceof Error) return plainError(value, depth);
  if (value instanceof Date)
    return Number.isNaN(value.getTime()) ? "invalid date" : value.toISOString();
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `${value.byteLength} bytes`;
  if (Array.isArray(value)) return value.map((item) => plain(item, depth + 1));
  if (value instanceof Map || value instanceof Set) return plain([...value], depth);
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      secretKey.test(key) ? "***" : plain(item, depth + 1),
    ]),
  );
}

function plainError(error: Error, depth: number): unknown {
  const { code } = error as { code?: unknown };
  return {
    type: error.name,
    message: toLogText(error.message),
    ...(code === undefined ? {} : { code: plain(code, depth + 1) }),
    ...(error.stack === undefined ? {} : { stack: toLogText(error.stack) }),
    ...(error.cause === undefined ? {} : { cause: plain(error.cause, depth + 1) }),
    ...(error instanceof AggregateError ? { errors: plain(error.errors, depth + 1) } : {}),
  };
}

const levelColors: Record<LogLevel, number> = {
  debug: 90,
  info: 32,
  warn: 33,
  error: 31,
  silent: 0,
};

function prettyLine({ timeMs, level, message, bound, fields }: Entry, color: boolean): string {
  const paint = (code: number, text: string) => (color ? `\x1b[${code}m${text}\x1b[0m` : text);
  const clock = new Date(timeMs).toISOString().slice(11, 23);
  const parts = [
    paint(90, clock),
    paint(levelColors[level], level.padEnd(5)),
    printable(toLogText(message)),
  ];
  let stack = "";
  for (const [key, value] of Object.entries({ ...bound, ...fields })) {
    if (value instanceof Error) {
      parts.push(paint(90, `${printable(key)}=`) + printable(toLogText(causeChain(value))));
      if (level === "error" && value.stack) stack = stackLines(value);
    } else if (value !== undefined) {
      const shown = secretKey.test(key) ? "***" : plain(value, 0);
      parts.push(
        paint(90, `${printable(key)}=`) +
          printable(typeof shown === "string" && !/\s/.test(shown) ? shown : JSON.stringify(shown)),
      );
    }
  }
  return `${parts.join(" ")}\n${stack && paint(90, stack)}`;
}

/** The messages of an error and its causes, outermost first, on one line. */
export function causeChain(error: unknown): string {
  const messages: string[] = [];
  let at: unknown = error;
  for (let depth = 0; at !== undefined && at !== null && depth < maxDepth; depth++) {
    // A refused connection to several addresses is an AggregateError without a message of its own.
    const inner =
      at instanceof AggregateError
        ? at.errors.map((e) => (e instanceof Error ? e.message : String(e)))
        : [];
    const message = at instanceof Error ? [at.message || at.name, ...inner].join("; ") : String(at);
    if (messages.at(-1) !== message) messages.push(message);
    at = at instanceof Error ? at.cause : undefined;
  }
  return maskSecrets(messages.join(" ← "));
}

const maxFrames = 30;

function stackLines(error: Error): string {
  const frames = (error.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line));
  return maskSecrets(
    frames
      .slice(0, maxFrames)
      .map((line) => `${printable(line)}\n`)
      .join(""),
  );
}
