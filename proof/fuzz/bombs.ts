// Inputs that are small on the wire and large when they are read: protobuf messages made from their
// descriptors, and texts of JSON, NDJSON and CSV.
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import type { DescField, DescMessage, DescMethod } from "@bufbuild/protobuf";
import type { Random } from "./random.ts";

const times = (bytes: readonly number[], count: number) =>
  Buffer.alloc(bytes.length * count, Uint8Array.from(bytes));

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest & 127) | 128);
  return [...bytes, rest];
}

const nested = (no: number, inner: Buffer): Buffer =>
  Buffer.concat([Uint8Array.from([...varint(no * 8 + 2), ...varint(inner.length)]), inner]);

/** A field of the message, or of a message nested in it. */
function somewhere(random: Random, message: DescMessage, fits: (field: DescField) => boolean) {
  const found: { field: DescField; wrap: (inner: Buffer) => Buffer }[] = [];
  const visit = (desc: DescMessage, wrap: (inner: Buffer) => Buffer, depth: number) => {
    for (const field of desc.fields) {
      if (fits(field)) found.push({ field, wrap });
      if (field.message && depth < 4)
        visit(field.message, (inner) => wrap(nested(field.number, inner)), depth + 1);
    }
  };
  visit(message, (inner) => inner, 0);
  return found.length === 0 ? undefined : random.pick(found);
}

const kinds = [
  "unknown",
  "message",
  "list",
  "scalar",
  "packed",
  "nested",
  "groups",
  "huge",
  "zeros",
] as const;

/** A message with many objects to create, in a few kilobytes to a few megabytes. */
export function protobufBomb(
  random: Random,
  { input }: DescMethod,
): { bytes: Buffer; kind: string } {
  const kind = random.pick(kinds);
  const count = random.pick([500, 5_000, 50_000, 500_000, 2_000_000]);
  const isMessage = (field: DescField) => field.message !== undefined;
  const place = somewhere(
    random,
    input,
    {
      message: isMessage,
      list: (field: DescField) => field.fieldKind === "list",
      // For a list, one of the fields that are normally packed.
      scalar: (field: DescField) => field.message === undefined,
      packed: (field: DescField) => field.fieldKind === "list" && field.listKind !== "message",
      unknown: isMessage,
      nested: isMessage,
      groups: isMessage,
      huge: isMessage,
      zeros: isMessage,
    }[kind],
  );
  const wrap = place?.wrap ?? ((inner: Buffer) => inner);
  const number = place?.field.number ?? 1;
  const empty = [...varint(number * 8 + 2), 0];
  const strange = varint(random.pick([99, 2_000, 536_870_911]) * 8 + random.pick([0, 2]));
  const made: Record<(typeof kinds)[number], () => Buffer> = {
    unknown: () => wrap(times([...strange, 0], count)),
    message: () => wrap(times(empty, count)),
    list: () => wrap(times(empty, count)),
    scalar: () => wrap(times([...varint(number * 8), 1], count)),
    packed: () => wrap(nested(number, times([1], count))),
    nested: () => {
      let inner: Buffer = Buffer.alloc(0);
      for (let depth = 0; depth < 2_000; depth++) inner = nested(number, inner);
      return wrap(inner);
    },
    groups: () => wrap(times([0x9b, 0x06], Math.min(count, 50_000))),
    huge: () => wrap(Buffer.from([...varint(number * 8 + 2), ...varint(2 ** 31), 1, 2, 3])),
    zeros: () => Buffer.alloc(count),
  };
  return { bytes: made[kind](), kind: `${kind} ${count}` };
}

/** The possible compressions of a message. */
export const compressions: Record<string, (bytes: Buffer) => Buffer> = {
  gzip: (bytes) => gzipSync(bytes, { level: 1 }),
  deflate: (bytes) => deflateSync(bytes, { level: 1 }),
  br: (bytes) => brotliCompressSync(bytes, { params: { 1: 1 } }),
};

/** JSON with many values, for an RPC whose `member` may hold them, or for POST /signals. */
export function jsonBomb(random: Random, member: string): { text: string; kind: string } {
  const count = random.pick([1_000, 20_000, 200_000, 1_000_000]);
  const kind = random.pick([
    "0",
    "{}",
    "[]",
    '""',
    "null",
    '{"a":0}',
    "[[]]",
    '"\\u0000"',
    "depth",
    "members",
    "quote",
    "escapes",
  ]);
  const texts: Record<string, () => string> = {
    depth: () => "[".repeat(count),
    members: () =>
      `{${Array.from({ length: Math.min(count, 50_000) }, (_, i) => `"${i}":0`).join()}}`,
    quote: () => `"${"a".repeat(count)}`,
    escapes: () => `"${"\\u0041".repeat(Math.min(count, 200_000))}"`,
  };
  const inner = texts[kind]?.() ?? `[${kind}${`,${kind}`.repeat(count - 1)}]`;
  const batch = random.chance(0.5)
    ? `{"machine":"f","${random.pick(["samples", "stateChanges"])}":${inner}}`
    : inner;
  return { text: `{"${member}":${batch}}`, kind: `${kind} ${count}` };
}

/** Lines that are expensive to read: open quotes, many lines, many names, old times. */
export function linesBomb(random: Random): { text: string; type: string; kind: string } {
  const count = random.pick([1_000, 10_000, 100_000]);
  const csv = "machine,signal,time,value\n";
  const lines: Record<string, () => [type: string, text: string]> = {
    "open quote": () => ["text/csv", `${csv}m,power,"${"\n".repeat(count)}`],
    quotes: () => ["text/csv", `${csv}${'"'.repeat(count)}\n`],
    "quoted quotes": () => ["text/csv", `${csv}${'"a""b",'.repeat(count)}\n`],
    "empty quotes": () => ["text/csv", `${csv}${'"",'.repeat(Math.min(3 * count, 340_000))}\n`],
    "quotes in quotes": () => [
      "text/csv",
      `${csv}m,power,"${'""'.repeat(Math.min(5 * count, 500_000))}"\n`,
    ],
    commas: () => ["text/csv", `${csv}${",".repeat(Math.min(10 * count, 1_000_000))}\n`],
    columns: () => ["text/csv", `${"a,".repeat(count)}b\n1\n`],
    "empty lines": () => ["application/x-ndjson", "\n".repeat(count)],
    "numbers as rows": () => ["application/x-ndjson", "0\n".repeat(count)],
    "members in a line": () => [
      "application/x-ndjson",
      `{${Array.from({ length: Math.min(count, 90_000) }, (_, i) => `"${i}a":0`).join()}}\n`,
    ],
    "objects in a line": () => [
      "application/x-ndjson",
      `[${"{},".repeat(Math.min(3 * count, 340_000))}0]\n`,
    ],
    "one line": () => ["application/x-ndjson", `[${"0,".repeat(count)}0]\n`],
    "many names": () => [
      "application/x-ndjson",
      rows(1_000, (i) => `"signal":"s${random.below(1e9)}_${i}","time":"now"`),
    ],
    "old times": () => [
      "application/x-ndjson",
      rows(
        1_000,
        (i) => `"signal":"power","time":"${1970 + (i % 50)}-01-0${1 + (i % 9)}T00:00:00Z"`,
      ),
    ],
    backslashes: () => ["application/x-ndjson", `{"machine":"${"\\\\".repeat(count)}"}\n`],
  };
  const kind = random.pick(Object.keys(lines));
  const [type, text] = lines[kind]!();
  return { text, type, kind: `${kind} ${count}` };
}

const rows = (count: number, fields: (i: number) => string) =>
  Array.from({ length: count }, (_, i) => `{"machine":"fuzz-1",${fields(i)},"value":1}\n`).join("");

/** A page token of the right length, with invalid numbers. */
export function wildPageToken(random: Random): string {
  const body = random.bytes(49);
  body[0] = random.pick([1, 2, body[0]!]);
  for (const at of [9, 17, 25, 33])
    body.writeDoubleBE(
      random.pick([Number.NaN, 1e300, -1, Number.POSITIVE_INFINITY, 2 ** 53, 0]),
      at,
    );
  return body.toString("base64url");
}
