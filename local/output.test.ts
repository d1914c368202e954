// Lines from chunks cut anywhere, names before lines, a status that stays below them on a terminal.
import fc from "fast-check";
import { expect, test } from "vitest";
import { createLineSplitter, createOutput } from "./output.ts";

test("however a text is cut into chunks, its lines come out whole", () => {
  fc.assert(
    fc.property(
      fc.array(fc.stringMatching(/^[a-zäß€😀]{1,8}$/u)),
      fc.array(fc.nat(20)),
      (lines, cuts) => {
        const bytes = Buffer.from(lines.join("\n"));
        const seen: string[] = [];
        const splitter = createLineSplitter((line) => seen.push(line));
        let at = 0;
        for (const cut of [...cuts, bytes.length]) {
          splitter.write(bytes.subarray(at, at + cut));
          at = Math.min(bytes.length, at + cut);
        }
        splitter.end();
        expect(seen).toEqual(lines);
      },
    ),
  );
});

test("a line without end is cut instead of kept", () => {
  const seen: string[] = [];
  const splitter = createLineSplitter((line) => seen.push(line));
  for (let n = 0; n < 100; n++) splitter.write(Buffer.alloc(10_000, "x"));
  expect(seen.length).toBeGreaterThan(5);
});

test("off a terminal every line has its name and nothing is coloured", () => {
  let text = "";
  const output = createOutput({ write: (part: string) => (text += part) }, ["accessor", "db"]);
  output.line("db", "up");
  output.status("accessor", "5 machines");
  expect(text).toBe("db       | up\naccessor | 5 machines\n");
});

test("on a terminal a status is one line, taken away and put back around other lines", () => {
  let text = "";
  const stream = {
    isTTY: true,
    columns: 20,
    hasColors: () => false,
    write: (part: string) => (text += part),
  };
  const output = createOutput(stream, ["p"]);
  output.status("p", "one");
  output.status("p", "two, and more than fits");
  output.line("p", "hello");
  expect(text).toBe(
    "\r\x1b[Kp | one\r\x1b[Kp | two, and more t\r\x1b[Kp | hello\np | two, and more t",
  );
});
