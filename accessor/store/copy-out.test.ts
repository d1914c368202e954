// Binary COPY on pg: bytes are as stored, failures are reported as failures, and the connection
// stays usable.
import fc from "fast-check";
import { expect, test } from "vitest";
import { createLog } from "../../runtime/log.ts";
import { testDatabase } from "../../test/testing/postgres.ts";
import { toArray } from "./binary-arrays.ts";
import { literalOf, toInt4, toInt8 } from "./copy-out.ts";
import { openDatabase } from "./database.ts";

async function open() {
  const own = await testDatabase();
  const log = createLog({ name: "test", level: "silent" });
  // One connection for reads, so that each statement gets the connection of the one before it.
  const database = await openDatabase({ url: own.url, maxReadConnections: 2, log });
  return {
    database,
    async [Symbol.asyncDispose]() {
      await database[Symbol.asyncDispose]();
      await own[Symbol.asyncDispose]();
    },
  };
}

test("rows are what was written: any bytes, NULL, whole numbers up to 2^53", async () => {
  await using held = await open();
  const { database } = held;
  await database.write("create table bytes (n int8, m int4, data bytea)", [], {});
  const anyRow = fc.record({
    n: fc.maxSafeInteger(),
    m: fc.integer(),
    data: fc.option(fc.uint8Array({ maxLength: 20_000 })),
  });
  const property = fc.asyncProperty(fc.array(anyRow, { maxLength: 40 }), async (rows) => {
    await database.write("delete from bytes", [], {});
    await database.write(
      "insert into bytes select * from unnest($1::int8[], $2::int4[], $3::bytea[])",
      [
        toArray.int8(rows.map(({ n }) => n)),
        toArray.int4(rows.map(({ m }) => m)),
        toArray.bytea(rows.map(({ data }) => data)),
      ],
      {},
    );
    const got = await database.copyOut("copy bytes to stdout (format binary)", {});
    const plain = got.map(([n, m, data]) => ({
      n: toInt8(n),
      m: toInt4(m),
      data: data && Uint8Array.from(data),
    }));
    expect(plain).toEqual(rows);
  });
  await fc.assert(property, { numRuns: 60 });
});

test("a statement that fails, or is no COPY in binary, is an error, and the connection goes on", async () => {
  await using held = await open();
  const { database } = held;
  await expect(
    database.copyOut("copy (select 1 / 0) to stdout (format binary)", {}),
  ).rejects.toThrow();
  await expect(database.copyOut("copy (select 'text') to stdout", {})).rejects.toThrow();
  // Fails after a thousand rows.
  const late =
    "copy (select 1 / (1000 - n) from generate_series(1, 2000) n) to stdout (format binary)";
  await expect(database.copyOut(late, {})).rejects.toThrow();
  const [row] = await database.copyOut("copy (select 7) to stdout (format binary)", {});
  expect(toInt4(row![0])).toBe(7);
  expect(await database.read("select 8", [], {})).toEqual([[8]]);
});

test("called off, it ends at once with the reason", async () => {
  await using held = await open();
  const { database } = held;
  const stop = new AbortController();
  const reason = new Error("enough");
  const read = database.copyOut("copy (select pg_sleep(60)) to stdout (format binary)", {
    abort: stop.signal,
  });
  stop.abort(reason);
  await expect(read).rejects.toBe(reason);
  expect(await database.read("select 8", [], {})).toEqual([[8]]);
});

test("nothing but whole numbers gets into a statement", () => {
  expect(literalOf([1, -2, 2 ** 53 - 1])).toBe("'{1,-2,9007199254740991}'");
  for (const value of [0.5, Number.NaN, 2 ** 53, "1}'; drop table log; --" as never])
    expect(() => literalOf([value])).toThrow(RangeError);
});
