// A page of the log ends between two commits and reports where, whatever the size of its rows.
import { expect, test } from "vitest";
import { createLog } from "../../runtime/log.ts";
import { openTestAccessor } from "../testing/accessor.ts";
import { epochUs, grid, Producer } from "../testing/batches.ts";
import { Catalog } from "./catalog.ts";
import { openDatabase } from "./database.ts";
import { readCommits, readTimedCommits } from "./log.ts";

test("pages of rows of all sizes leave nothing out", { timeout: 60_000 }, async () => {
  await using accessor = await openTestAccessor();
  await using producer = await Producer.open(accessor.ingest, "p");
  const count = 1_200;
  // Small rows are stored in the table with a header each, large ones beside it without.
  const random = (length: number) => Array.from({ length }, Math.random);
  for (let sequence = 1; sequence <= count; sequence++) {
    const samples = [
      grid("power", epochUs, random(sequence % 5 === 0 ? 1_500 : 220)),
      grid("heat", epochUs, random(150)),
    ];
    producer.send(sequence, { machine: "m", samples });
    if (sequence % 50 === 0) await producer.acksThrough(sequence);
  }
  const log = createLog({ name: "test", level: "silent" });
  await using database = await openDatabase({ url: accessor.databaseUrl, log });
  const catalog = new Catalog(database);
  for (let after = 0; after < count; after += 97) {
    const { commits, through } = await readCommits(
      database,
      { after, through: count },
      { catalog },
    );
    expect(commits.map(({ revision }) => revision)).toEqual(
      Array.from({ length: through - after }, (_, i) => after + i + 1),
    );
    expect(commits.every(({ batch }) => batch.samples.length === 2)).toBe(true);
  }
  const [heat] = await catalog.select({ machines: [], signals: ["heat"] });
  const filtered = await readCommits(
    database,
    { after: 0, through: count, seriesIds: [heat!.id] },
    { catalog },
  );
  expect(filtered.commits).toHaveLength(filtered.through);
  const timed = await readTimedCommits(database, { after: 0, through: 3 }, { catalog });
  const times = await accessor.query(
    "select to_us(committed_at)::text as us from receipt where revision <= 3 order by revision",
  );
  expect(timed.commits.map(({ committedUs }) => String(committedUs))).toEqual(
    times.map(({ us }) => us),
  );
});

test("a commit larger than a page comes whole", { timeout: 60_000 }, async () => {
  await using accessor = await openTestAccessor();
  const samples = Array.from({ length: 2_100 }, (_, i) => grid(`signal_${i}`, epochUs, [i]));
  await accessor.ingest.ingestBatch({
    producerId: "p",
    sequence: 1n,
    batch: { machine: "m", samples },
  });
  await accessor.ingest.ingestBatch({
    producerId: "p",
    sequence: 2n,
    batch: { machine: "m", samples },
  });
  const log = createLog({ name: "test", level: "silent" });
  await using database = await openDatabase({ url: accessor.databaseUrl, log });
  const catalog = new Catalog(database);
  const { commits, through } = await readCommits(database, { after: 0, through: 2 }, { catalog });
  expect([commits.length, through, commits[0]!.batch.samples.length]).toEqual([1, 1, 2_100]);
});

test("a page ends after so many revisions too, whether or not anything in them matches", async () => {
  await using accessor = await openTestAccessor();
  const samples = [grid("power", epochUs, [1]), grid("heat", epochUs, [2])];
  await accessor.ingest.ingestBatch({
    producerId: "p",
    sequence: 1n,
    batch: { machine: "m", samples },
  });
  const head = 25_000;
  await accessor.query(
    `insert into log select g, l.first_us, l.last_us, l.series_id, l.sample_count, l.segment, l.payload
     from log l join series s on s.id = l.series_id and s.signal = 'power', generate_series(2, ${head}) g`,
  );
  const log = createLog({ name: "test", level: "silent" });
  await using database = await openDatabase({ url: accessor.databaseUrl, log });
  const catalog = new Catalog(database);
  const [heat] = await catalog.select({ machines: [], signals: ["heat"] });
  const filtered = { through: head, seriesIds: [heat!.id] };
  const first = await readCommits(database, { after: 0, ...filtered }, { catalog });
  expect([first.commits.length, first.through]).toEqual([1, 20_000]);
  expect(await readCommits(database, { after: first.through, ...filtered }, { catalog })).toEqual({
    commits: [],
    through: head,
  });
  let seen = 0;
  for (let after = 0; after < head; ) {
    const { commits, through } = await readCommits(database, { after, through: head }, { catalog });
    expect(commits.map(({ revision }) => revision)).toEqual(
      Array.from({ length: through - after }, (_, i) => after + i + 1),
    );
    seen += commits.length;
    after = through;
  }
  expect(seen).toBe(head);
});
