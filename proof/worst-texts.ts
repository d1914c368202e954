// Every reader of text that a client, a file or a setting can reach, with the worst known text for
// it, of any size.
import { readCredential } from "../access/credential.ts";
import { fitsGlob, isGlob } from "../access/glob.ts";
import { parseKey } from "../access/key.ts";
import { readMachinePattern } from "../access/machine-pattern.ts";
import { CursorFormat } from "../accessor/domain/cursor.ts";
import { machineNameFault, readMachineName } from "../codec/machine-name.ts";
import { createCsvRows } from "../codec/row/csv-rows.ts";
import { parseDuration, parseInterval } from "../codec/row/duration.ts";
import { readRecord } from "../codec/row/record.ts";
import type { Row } from "../codec/row/row-record.ts";
import { readRows } from "../codec/row/source-rows.ts";
import { readLines } from "../codec/row/text-lines.ts";
import { readTime } from "../codec/row/time.ts";
import { findGoodTag } from "../gateway/cache/entity-tag.ts";
import { createAddressReader } from "../gateway/caller/client-address.ts";
import { chooseEncoding } from "../gateway/encoding/compression.ts";
import { chooseFormat } from "../gateway/rest/formats.ts";
import { resolvePage } from "../gateway/rest/page.ts";
import {
  listParameter,
  machinesParameter,
  readQuery,
  textParameter,
} from "../gateway/rest/parameters.ts";
import { createLineSplitter } from "../local/output.ts";
import {
  bytes,
  count,
  decimal,
  durationMs,
  instant,
  listenAddress,
  url,
} from "../runtime/config-values.ts";
import { maskSecrets } from "../runtime/log.ts";
import { namesOf } from "../runtime/tls/client-names.ts";

/**
 * `make` builds a text of about this many characters and returns a function that reads it; only the
 * reading is measured.
 */
export type WorstText = {
  name: string;
  make: (characters: number) => () => unknown;
  /**
   * A text that is never larger than an HTTP head, or a setting, is read in smaller pieces, as
   * often as it takes: at 16 MiB garbage takes more than reading.
   */
  repeat?: number;
};

const fill = (piece: string, characters: number) =>
  piece.repeat(Math.ceil(characters / piece.length));

/** A refusal counts as reading. */
const read = (
  name: string,
  build: (characters: number) => string,
  parse: (text: string) => unknown,
): WorstText => ({
  name,
  make(characters) {
    const text = Buffer.from(build(characters)).toString();
    return () => {
      try {
        return parse(text);
      } catch (error) {
        return error;
      }
    };
  },
});

const small = (worst: WorstText): WorstText => ({ ...worst, repeat: 1024 });

/** A body in pieces as small as a client chooses. */
async function* pieces(text: string, size: number) {
  const whole = Buffer.from(text);
  for (let at = 0; at < whole.length; at += size) yield whole.subarray(at, at + size);
}

function csv(
  name: string,
  build: (characters: number) => string,
  { size = 65_536 } = {},
): WorstText {
  return read(`CSV post: ${name}`, build, async (text) => {
    const reader = createCsvRows();
    for await (const lines of readLines(pieces(text, size)))
      for (const line of lines) reader.read(line);
    return reader.end();
  });
}

function input(name: string, build: (characters: number) => string): WorstText {
  return read(`--input: ${name}`, build, async (text) => {
    for await (const rows of readRows(pieces(text, 256)))
      for (const { row } of rows)
        if (typeof row === "object" && row !== null) readRecord(row as Row, { nowUs: 0n });
  });
}

const head = "machine,signal,time,value\n";
const cursors = new CursorFormat("6f2b1c1e-0000-4000-8000-000000000001", [
  { epoch: 1, firstRevision: 1 },
]);
const query = { machine: listParameter("."), page_token: textParameter(".") };
const proxies = { addresses: ["127.0.0.1"], header: "forwarded" } as const;

export const worstTexts: readonly WorstText[] = [
  csv("a quote that stays open, line after line", (n) => `${head}"${fill("\n", n)}`),
  csv("quotes in pairs", (n) => `${head}"${fill(`${'""'.repeat(30_000)}\n`, n)}`),
  csv("quotes and line ends in turn", (n) => head + fill('"\n', n)),
  csv("a header without end", (n) => `"${fill("x\n", n)}`),
  csv("commas", (n) => head + fill(`${",".repeat(999)}\n`, n)),
  csv("a number of one line's length", (n) => head + fill(`m,power,0,${"1".repeat(65_000)}x\n`, n)),
  csv("one line in small pieces", (n) => head + fill("x", n), { size: 16 }),
  csv("lines in small pieces", (n) => head + fill('m,"power",0,1\n', n), { size: 16 }),
  input("one line in small pieces", (n) => fill("x", n)),
  input("quotes", (n) => head + fill(`${'"'.repeat(60_000)}\n`, n)),
  input(
    "blanks before quotes",
    (n) => head + fill(`${" ".repeat(30_000)}x${" ".repeat(30_000)}"\n`, n),
  ),
  input("unknown fields", (n) => fill(`{${'"abcdefghijklmnopq":1,'.repeat(2_000)}"x":1}\n`, n)),
  input(
    "numbers",
    (n) => head + fill(`m,power,${"1".repeat(30_000)}x,${"1".repeat(30_000)}x\n`, n),
  ),
  input("fractions", (n) => head + fill(`m,power,${".123456".repeat(8_000)},1\n`, n)),
  input("NDJSON that is none", (n) => `{}\n${fill(`{"a":[${"[".repeat(60_000)}\n`, n)}`),
  ...[
    read(
      "Accept",
      (n) => fill("a/b;q=0.5,", n),
      (text) => chooseFormat(text, ["json", "csv"]),
    ),
    read(
      "Accept: parameters",
      (n) => fill("a/b;;;;;;;;;; ", n),
      (text) => chooseFormat(text, ["json", "csv"]),
    ),
    read("Accept-Encoding", (n) => fill("br;q=0.1,x,", n), chooseEncoding),
    read(
      "If-None-Match",
      (n) => fill('"a",W/"b",W/W/', n),
      (text) => findGoodTag(text, { version: "v", question: "q", encoding: "br" }),
    ),
    read(
      "If-None-Match: quotes",
      (n) => fill('"" "a', n),
      (text) => findGoodTag(text, { version: "v", question: "q", encoding: undefined }),
    ),
    read(
      "Last-Event-ID",
      (n) => fill("A", n),
      (text) => cursors.decode(text, { field: "f", headRevision: 1 }),
    ),
    read(
      "Authorization",
      (n) => `Bearer ${fill(" ", n)}a b`,
      (text) => readCredential(() => text),
    ),
    read("x-api-key", (n) => `mr_${fill("a_", n)}`, parseKey),
    read(
      "Forwarded",
      (n) => fill(";  for=x;,", n),
      (text) => createAddressReader(proxies).of("127.0.0.1", () => text),
    ),
    read(
      "query: names",
      (n) => fill("a&b=%41&", n),
      (text) => readQuery(query, text, 0n),
    ),
    read(
      "query: a list",
      (n) => `machine=${fill("a,", n)}`,
      (text) => readQuery(query, text, 0n),
    ),
    read(
      "query: repeated",
      (n) => fill("machine=a&", n),
      (text) => readQuery(query, text, 0n),
    ),
    read(
      "page_token",
      (n) => `r${fill("1", n)}_1.x`,
      (text) => resolvePage({ from: undefined, to: undefined, pageToken: text }),
    ),
    read(
      "time: milliseconds",
      (n) => `${fill("1", n)}.${fill("1", n)}x`,
      (text) => readTime(text, { nowUs: 0n, epoch: "ms" }),
    ),
    read(
      "time: fraction",
      (n) => `2026-03-01T08:00:00.${fill("1", n)}x`,
      (text) => readTime(text, { nowUs: 0n, epoch: "ms" }),
    ),
    read(
      "time: relative",
      (n) => `now-${fill("1", n)}h`,
      (text) => readTime(text, { nowUs: 0n, epoch: "ms" }),
    ),
    read(
      "time: run together",
      (n) => `20260301T0800.${fill("1", n)}+${fill("01:", n)}x`,
      (text) => readTime(text, { nowUs: 0n }),
    ),
    read(
      "query: bytes that are not UTF-8",
      (n) => fill("%ff", n),
      (text) => readQuery(query, text, 0n),
    ),
    read("length of time", (n) => `${fill("1", n)}ms`, parseDuration),
    read("interval", (n) => `${fill("1", n)}:00:00`, parseInterval),
    read(
      "time: offset",
      (n) => `2026-03-01T08:00:00+${fill("01:", n)}`,
      (text) => readTime(text, { nowUs: 0n, epoch: "ms" }),
    ),
    read(
      "glob: a long name",
      (n) => fill("a", n),
      (text) => fitsGlob("*a*a*a*b", text),
    ),
    read(
      "glob: a long tail",
      (n) => fill("a", n),
      (text) => fitsGlob(`*${"a".repeat(20)}b`, text),
    ),
    read("glob: its shape", (n) => fill("*a", n), isGlob),
    read("machine's name: marks", (n) => fill("e\u0301\u0323", n), readMachineName),
    read("machine's name: why it is none", (n) => fill("\u202e", n), machineNameFault),
    read("pattern of machines", (n) => fill("*\u200c", n), readMachinePattern),
    read(
      "list of machines",
      (n) => fill("a\\,\\\\,", n),
      (text) => readQuery({ machine: machinesParameter("") }, `machine=${text}`, 0n),
    ),
    ...[
      decimal(),
      bytes(),
      durationMs(),
      count(),
      instant(),
      listenAddress(),
      url({ schemes: ["http"] }),
    ].flatMap((reader) => [
      read(`setting: ${reader.placeholder}, digits`, (n) => `${fill("1", n)}x`, reader.read),
      read(`setting: ${reader.placeholder}, dots`, (n) => `a:${fill("1.", n)}`, reader.read),
    ]),
    read("log: secrets without end", (n) => fill("postgres://a:b.c+d ://", n), maskSecrets),
    read("log: one long word", (n) => `://${fill("a.", n)}`, maskSecrets),
    read("log: users without end", (n) => fill("http://a:", n), maskSecrets),
    read("log: password=", (n) => fill("password ='", n), maskSecrets),
    read("certificate names", (n) => fill(', DNS:"a\\\\', n), namesOf),
  ].map(small),
  read(
    "output of a child",
    (n) => fill("x", n),
    (text) => {
      const splitter = createLineSplitter(() => {});
      for (let at = 0; at < text.length; at += 16)
        splitter.write(Buffer.from(text.slice(at, at + 16)));
      splitter.end();
    },
  ),
];

/** Milliseconds of processor time of this thread that reading takes, the least of several tries. */
export async function cpuMsOf(
  { make, repeat = 1 }: WorstText,
  characters: number,
  tries: number,
): Promise<number> {
  const run = make(characters / repeat);
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < tries; i++) {
    const before = process.threadCpuUsage();
    for (let left = repeat; left > 0; left--) await Promise.resolve(run()).catch(() => {});
    const { user, system } = process.threadCpuUsage(before);
    best = Math.min(best, (user + system) / 1_000);
  }
  return best;
}
