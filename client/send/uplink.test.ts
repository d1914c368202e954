// The uplink as another program uses it: the example of docs/producer.md, and what a caller can
// rely on.
import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { WarningReason, WarningSchema } from "#gen/millrace/v1/ingest_service_pb.ts";
import { createLog } from "../../runtime/log.ts";
import { openIngestStub } from "../testing/ingest-stub.ts";
import { temporaryFolder } from "../testing/spool.ts";
import { openUplink } from "./uplink.ts";

const sample = (n: number) => {
  const times = { case: "grid" as const, value: { startUs: BigInt(n), periodUs: 10_000n } };
  return { machine: "press-7", samples: [{ signal: "power", unit: "W", times, values: [n] }] };
};

test("the example of docs/producer.md runs as it stands", async () => {
  await using folder = await temporaryFolder();
  await using stub = await openIngestStub();
  const docs = await readFile(new URL("../../docs/producer.md", import.meta.url), "utf8");
  const [, example] = /```ts\n([\s\S]*?)```/.exec(docs)!;
  const script = join(folder.path, "example.ts");
  await writeFile(
    script,
    example!.replace("../client/send/uplink.ts", new URL("./uplink.ts", import.meta.url).href),
  );
  const { stdout } = await promisify(execFile)(process.execPath, [
    script,
    stub.url,
    join(folder.path, "spool"),
  ]);
  expect(stdout).toBe("4 records acknowledged\n");
  expect([...stub.state.producers.keys()].sort()).toEqual(["line-4.backlog", "line-4.live"]);
  expect(stub.state.stored[0]).toMatchObject({
    machine: "press-7",
    samples: [{ values: [4210.5, 4211, 4209.7] }],
  });
});

test("without an accessor, batches are taken; the next uplink on the spool sends them", async () => {
  await using folder = await temporaryFolder();
  const first = await openIngestStub();
  const { port, url } = first;
  await first[Symbol.asyncDispose]();
  let producerId: string;
  {
    await using uplink = await openUplink({ accessor: url, spoolDir: folder.path });
    producerId = uplink.producerId;
    await Promise.all([1, 2, 3].map((n) => uplink.append(sample(n))));
    expect(uplink.status).toMatchObject({
      connected: false,
      heldBatches: 3,
      backlogBatches: 3,
      ackedBatches: 0,
    });
    expect(await uplink.close({ waitMs: 10 })).toEqual({ unackedBatches: 3, unackedRecords: 3 });
    await expect(uplink.append(sample(4))).rejects.toThrow("closed");
  }
  await using stub = await openIngestStub({}, { port });
  await using uplink = await openUplink({ accessor: url, spoolDir: folder.path });
  expect(uplink.producerId).toBe(producerId);
  await uplink.flush();
  expect(stub.state.producers.get(`${producerId}.backlog`)).toHaveLength(3);
  expect(uplink.status).toMatchObject({
    heldBatches: 0,
    ackedBatches: 3,
    ackedRecords: 3,
    diskFull: false,
  });
});

test("the status counts what the accessor says of stored samples, beside what it rejects", async () => {
  await using folder = await temporaryFolder();
  const warning = create(WarningSchema, { reason: WarningReason.NO_ENERGY, message: "no energy" });
  await using stub = await openIngestStub({ resultOf: () => ({ warnings: [warning] }) });
  await using uplink = await openUplink({
    accessor: stub.url,
    spoolDir: folder.path,
    log: createLog({ name: "uplink", level: "silent" }),
  });
  await Promise.all([1, 2].map((n) => uplink.append(sample(n))));
  await uplink.flush();
  expect(uplink.status).toMatchObject({ ackedBatches: 2, rejectedRecords: 0, warnings: 2 });
});

test("a batch without records is refused, and takes no number", async () => {
  await using folder = await temporaryFolder();
  await using stub = await openIngestStub();
  await using uplink = await openUplink({ accessor: stub.url, spoolDir: folder.path });
  await expect(uplink.append({ machine: "press-7" })).rejects.toThrow(RangeError);
  expect(uplink.status.heldBatches).toBe(0);
});

test("without a spool, batches wait in memory, and close says how many may not be stored", async () => {
  await using stub = await openIngestStub({ beforeAck: (sequence) => sequence < 3 });
  const log = createLog({ name: "uplink", level: "silent" });
  const uplink = await openUplink({ accessor: stub.url, outboxBytes: 2 ** 16, log });
  for (const n of [1, 2, 3, 4]) await uplink.append(sample(n));
  while (uplink.status.ackedBatches < 2) await new Promise(setImmediate);
  expect(uplink.status).toMatchObject({ heldBatches: 2, maxBytes: 2 ** 16, backlogBatches: 0 });
  expect(uplink.status.usedBytes).toBe(uplink.status.heldBytes);
  expect(await uplink.close({ waitMs: 10 })).toEqual({ unackedBatches: 2, unackedRecords: 2 });
  expect([...stub.state.producers.keys()]).toEqual([uplink.producerId]);
});
