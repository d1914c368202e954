// The output of a local run's parts, each line with the name of its part; a status stays in place
// on a terminal.
import { StringDecoder } from "node:string_decoder";
import { printable } from "../runtime/log.ts";

/** Where it goes: process.stdout, or a stand-in. */
export interface OutputStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  hasColors?(): boolean;
  write(text: string): unknown;
}

export interface Output {
  line(name: string, text: string): void;
  /**
   * A line that replaces the one before: on a terminal in place, elsewhere as a line of its own.
   */
  status(name: string, text: string): void;
  /** Text as it is, without a name. */
  block(text: string): void;
}

const colors = [36, 35, 34, 33, 32];

/**
 * Builds the output for these names; their order gives the colours (none where the stream has none,
 * or with NO_COLOR).
 */
export function createOutput(stream: OutputStream, names: readonly string[]): Output {
  const width = names.reduce((most, name) => Math.max(most, name.length), 0);
  const color = stream.isTTY === true && stream.hasColors?.() === true;
  const prefix = (name: string) => {
    const padded = name.padEnd(width);
    return color
      ? `\x1b[${colors[names.indexOf(name) % colors.length] ?? 37}m${padded} │\x1b[0m `
      : `${padded} | `;
  };
  let status = "";
  const write = (text: string) => stream.write(status === "" ? text : `\r\x1b[K${text}${status}`);
  return {
    line: (name, text) => write(`${prefix(name)}${printable(text)}\n`),
    status(name, text) {
      const shown = printable(text);
      if (!stream.isTTY) return write(`${prefix(name)}${shown}\n`);
      status = `${prefix(name)}${shown.slice(0, Math.max(10, (stream.columns ?? 80) - width - 4))}`;
      stream.write(`\r\x1b[K${status}`);
    },
    block: (text) => write(text),
  };
}

const maxLineLength = 64 * 1024;

/**
 * Cuts chunks of a stream into lines for `take`, across chunks and characters cut in two; a line
 * without end is cut at 64 Ki characters. `end` emits the last line. Carriage returns count as ends
 * too: a status line uses them.
 */
export function createLineSplitter(take: (line: string) => void): {
  write(chunk: Uint8Array): void;
  end(): void;
} {
  const decoder = new StringDecoder("utf8");
  // Joined once, when the line is complete: joining at each chunk would read it again each time.
  let parts: string[] = [];
  let length = 0;
  const flush = () => {
    if (length > 0) take(parts.join(""));
    parts = [];
    length = 0;
  };
  const keep = (text: string) => {
    parts.push(text);
    length += text.length;
  };
  const push = (text: string) => {
    const [head = "", ...lines] = text.split(/\r\n|[\r\n]/);
    keep(head);
    for (const line of lines) {
      flush();
      keep(line);
    }
    if (length > maxLineLength) flush();
  };
  return {
    write: (chunk) => push(decoder.write(Buffer.from(chunk))),
    end() {
      push(decoder.end());
      flush();
    },
  };
}
