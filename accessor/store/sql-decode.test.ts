// decode_block() in SQL returns the input of encodeBlock, bit for bit, and refuses what decodeBlock
// refuses.
import { afterAll, beforeAll, expect, it } from "vitest";
import { decodeBlock } from "../../codec/block/decode.ts";
import { encodeBlock } from "../../codec/block/encode.ts";
import type { Column } from "../../codec/column.ts";
import { createDraw, drawColumn, timeKinds, valueKinds } from "../../codec/testing/column-kinds.ts";
import { openSqlFixture, type SqlFixture } from "../testing/sql-database.ts";

let database: SqlFixture;
beforeAll(async () => {
  database = await openSqlFixture();
});
afterAll(() => database[Symbol.asyncDispose]());

type Hex = { count: string; times: string; values: string };

// Big-endian, as in int8send and float8send: text would hide a last bit.
const inOrder = `select count(*), encode(string_agg(int8send(time_us), '' order by ordinal), 'hex') as times,
  encode(string_agg(float8send(value), '' order by ordinal), 'hex') as values`;

async function decodeInSql(bytes: Uint8Array): Promise<Hex> {
  const [row] = await database.query<Hex>(`${inOrder} from millrace_v1.decode_block($1)`, [
    Buffer.from(bytes),
  ]);
  return row!;
}

function toHex({ timesUs, values }: Column): Hex {
  const times = Buffer.alloc(timesUs.length * 8);
  const patterns = Buffer.alloc(values.length * 8);
  for (let i = 0; i < timesUs.length; i++) {
    times.writeBigInt64BE(BigInt(timesUs[i]!), i * 8);
    // PostgreSQL has one NaN.
    if (Number.isNaN(values[i])) patterns.write("7ff8000000000000", i * 8, "hex");
    else patterns.writeDoubleBE(values[i]!, i * 8);
  }
  return {
    count: String(values.length),
    times: times.toString("hex"),
    values: patterns.toString("hex"),
  };
}

async function expectSame(column: Column): Promise<void> {
  expect(await decodeInSql(encodeBlock(column))).toEqual(toHex(column));
}

const times = Object.keys(timeKinds);
const values = Object.keys(valueKinds);

it.each(times)("times of kind '%s' come back", async (kind) => {
  for (const [i, count] of [1, 2, 3, 100, 127, 128, 129, 256, 1000].entries()) {
    await expectSame(
      drawColumn({ times: kind, values: values[i % values.length]!, count, seed: i }),
    );
  }
});

it.each(values)("values of kind '%s' come back bit for bit", async (kind) => {
  for (const [i, count] of [1, 2, 31, 32, 128, 129, 1000, 3000].entries()) {
    await expectSame(
      drawColumn({ times: times[i % times.length]!, values: kind, count, seed: 100 + i }),
    );
  }
});

it("so do the extremes of float64, and every power of two", async () => {
  const powers = Array.from({ length: 2098 }, (_, i) => 2 ** (i - 1074));
  const odd = powers
    .flatMap((power) => [power * (1 + Number.EPSILON), -power * (2 - Number.EPSILON)])
    .filter(Number.isFinite);
  const extremes = [
    0,
    -0,
    Number.MIN_VALUE,
    -Number.MIN_VALUE,
    Number.MAX_VALUE,
    -Number.MAX_VALUE,
    2 ** -1022,
    2 ** -1022 - 2 ** -1074,
  ];
  const all = [
    ...powers,
    ...odd,
    ...extremes,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    Number.NaN,
  ];
  await expectSame({
    timesUs: Float64Array.from(all, (_, i) => i * i),
    values: Float64Array.from(all),
  });
});

it("mixtures come back, and the largest block", async () => {
  const draw = createDraw(21);
  const any = (list: string[]) => list[Math.floor(draw() * list.length)]!;
  for (let round = 0; round < 60; round++) {
    const count = 1 + Math.floor(draw() * 400);
    const [a, b] = [any(values), any(values)].map((kind) =>
      drawColumn({ times: "grid", values: kind, count, seed: round }),
    );
    const joined = drawColumn({
      times: any(times),
      values: any(values),
      count: 2 * count,
      seed: round,
    });
    joined.values.set(a!.values);
    joined.values.set(b!.values, count);
    await expectSame(joined);
  }
  await expectSame(
    drawColumn({ times: "jitter and holes", values: "random bits", count: 65_536, seed: 1 }),
  );
});

it("a stored block is read wherever PostgreSQL keeps it", async () => {
  const column = drawColumn({ times: "jitter", values: "full mantissa", count: 6000, seed: 5 });
  await database.query("create temp table kept (payload bytea)");
  for (const storage of ["external", "extended", "plain"]) {
    await database.query(`truncate kept`);
    await database.query(`alter table kept alter payload set storage ${storage}`);
    const some =
      storage === "plain"
        ? { timesUs: column.timesUs.slice(0, 500), values: column.values.slice(0, 500) }
        : column;
    await database.query("insert into kept values ($1)", [Buffer.from(encodeBlock(some))]);
    const [row] = await database.query<Hex>(
      `${inOrder} from kept, millrace_v1.decode_block(payload)`,
    );
    expect(row).toEqual(toHex(some));
  }
});

it("nothing comes of null", async () => {
  expect(await database.query("select * from millrace_v1.decode_block(null)")).toEqual([]);
});

const blocks = [
  { times: "grid", values: "decimals of 1 digits", count: 300 },
  { times: "grid with holes", values: "decimals with -0", count: 700 },
  { times: "jitter", values: "full mantissa", count: 140 },
  { times: "jitter and holes", values: "spiky decimals", count: 500 },
  { times: "days apart", values: "float32 about 0", count: 90 },
  { times: "many holes", values: "steps of 0.25", count: 260 },
  { times: "milliseconds", values: "constant", count: 129 },
].map((kind, i) => encodeBlock(drawColumn({ ...kind, seed: i })));

function decodeOrRefuse(bytes: Uint8Array): Hex | undefined {
  try {
    return toHex(decodeBlock(bytes));
  } catch {
    return undefined;
  }
}

it("broken bytes are refused, or read as decodeBlock reads them", async () => {
  const draw = createDraw(31);
  const any = (n: number) => Math.floor(draw() * n);
  let refused = 0;
  for (let round = 0; round < 1500; round++) {
    let bytes = blocks[any(blocks.length)]!.slice();
    const place = () => any(draw() < 0.7 ? Math.min(40, bytes.length) : bytes.length);
    const kind = any(4);
    if (kind === 0) bytes[place()]! ^= 1 << any(8);
    else if (kind === 1) for (let i = 0; i <= any(6); i++) bytes[place()] = any(256);
    else if (kind === 2) bytes = bytes.slice(0, place());
    else bytes.fill(draw() < 0.5 ? 0xff : 0, place(), place());
    const expected = decodeOrRefuse(bytes);
    if (expected === undefined) {
      refused++;
      const refusal = { code: "XX001", message: expect.stringContaining("corrupt block: ") };
      await expect(decodeInSql(bytes), Buffer.from(bytes).toString("hex")).rejects.toMatchObject(
        refusal,
      );
    } else {
      expect(await decodeInSql(bytes), Buffer.from(bytes).toString("hex")).toEqual(expected);
    }
  }
  expect(refused).toBeGreaterThan(500);
  expect(refused).toBeLessThan(1400);
});

it.each([
  ["", "it ends early"],
  ["02", "version 2 is not known"],
  ["0120", "flags 32 are not known"],
  ["010c", "flags 12 are not known"],
  ["010000", "0 samples"],
  ["0100818004", "65537 samples"],
  ["010008", "it ends early"],
  ["0100080000ceeeb5400600ffffffffffffffff", "a varint exceeds 2^53"],
  ["0100080000ceeeb5400600f0a20401fa2303440c427302f200", "bytes follow its end"],
])("%s is refused: %s", async (hex, reason) => {
  const message = `corrupt block: ${reason}`;
  await expect(decodeInSql(Buffer.from(hex, "hex"))).rejects.toMatchObject({
    code: "XX001",
    message,
  });
});

it("a value stored as it is has its place within the block: the last, and not the one after it", async () => {
  const count = 100;
  const values = Float64Array.from({ length: count }, (_, i) => ((i * 37) % 101) / 10);
  values[count - 1] = Math.PI;
  const bytes = encodeBlock({ timesUs: Float64Array.from(values, (_, i) => i * 1_000), values });
  const pattern = Buffer.alloc(8);
  pattern.writeDoubleLE(Math.PI);
  let at = Buffer.from(bytes).indexOf(pattern);
  if (at < 0) {
    pattern.writeDoubleBE(Math.PI);
    at = Buffer.from(bytes).indexOf(pattern);
  }
  // Its distance from the one before precedes it.
  expect(bytes[at - 1]).toBe(count - 1);
  expect(decodeBlock(bytes).values[count - 1]).toBe(Math.PI);
  bytes[at - 1] = count;
  expect(() => decodeBlock(bytes)).toThrow("a verbatim value lies outside the block");
  const message = "corrupt block: a verbatim value lies outside the block";
  await expect(decodeInSql(bytes)).rejects.toMatchObject({ code: "XX001", message });
});

it("decodes at a rate that people can wait for", async () => {
  const bytes = encodeBlock(
    drawColumn({ times: "grid", values: "decimals of 1 digits", count: 6000, seed: 1 }),
  );
  await database.query(
    "create temp table many as select $1::bytea as payload from generate_series(1, 10)",
    [Buffer.from(bytes)],
  );
  const start = performance.now();
  const [row] = await database.query(
    "select count(*), sum(value) from many, millrace_v1.decode_block(payload)",
  );
  const seconds = (performance.now() - start) / 1000;
  expect(row!.count).toBe("60000");
  // About 20 times as fast on an idle machine.
  expect(60_000 / seconds).toBeGreaterThan(20_000);
});
