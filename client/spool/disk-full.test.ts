// A disk without space: appends wait, loudly, nothing is lost, and they go on when there is space
// again. Most of it needs to mount a tmpfs.
import { execFileSync } from "node:child_process";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import {
  openTestSpool,
  payloadOf,
  range,
  recordingLog,
  reportedNumbers,
  temporaryFolder,
} from "../testing/spool.ts";
import { SegmentWriter } from "./segment.ts";

const { signal: abort } = new AbortController();

function mount(path: string): boolean {
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "millrace-test", path], {
      stdio: "ignore",
    });
    return true;
  } catch {
    return false;
  }
}

const bytesOf = (sequence: number) => Buffer.concat([payloadOf(sequence), Buffer.alloc(3000)]);

/** Takes all space, to the last page; returns what gives it back. */
async function fillDisk(folder: string): Promise<() => Promise<void>> {
  const files: string[] = [];
  for (let full = false; !full; ) {
    const file = join(folder, `balloon-${files.length}`);
    files.push(file);
    full = await writeFile(file, Buffer.alloc(4096)).then(
      () => false,
      () => true,
    );
  }
  return async () => {
    for (const file of files) await rm(file, { force: true });
  };
}

// Only a file system of its own can be filled without harm, and only root may mount one: elsewhere
// the report says that these were skipped, and why.
test("appends wait for space, and nothing is lost", async (context) => {
  await using folder = await temporaryFolder();
  if (!mount(folder.path)) return context.skip("cannot mount a tmpfs here (needs root on Linux)");
  try {
    const { log, lines } = recordingLog();
    let usedBytes = 0;
    {
      await using spool = await openTestSpool(folder.path, { log, segmentBytes: 50_000 });
      for (let n = 1; n <= 20; n++) await spool.live.append(1, bytesOf, { abort });
      const giveBack = await fillDisk(folder.path);
      const waiting = range(1, 50).map(() => spool.live.append(1, bytesOf, { abort }));
      while (spool.live.diskFullSinceMs === undefined)
        await new Promise((resolve) => setTimeout(resolve, 5));
      const stop = new AbortController();
      const given = spool.live.append(1, bytesOf, { abort: stop.signal });
      stop.abort(new Error("given up"));
      await expect(given).rejects.toThrow("given up");
      expect(lines.join("")).toMatch(/DISK IS FULL/);
      expect(spool.live.failed.aborted).toBe(false);
      // What was promised before can be sent meanwhile.
      expect((await spool.live.read(1, { abort }))?.sequence).toBe(1);
      await giveBack();
      const taken = await Promise.all(waiting);
      expect(taken).toEqual(range(21, 70));
      expect(spool.live.diskFullSinceMs).toBeUndefined();
      expect(lines.join("")).toMatch(/has space again/);
      usedBytes = spool.usedBytes;
    }
    await using spool = await openTestSpool(folder.path);
    expect(spool.usedBytes).toBe(usedBytes);
    for (const n of range(1, 70)) {
      const entry = await spool.live.read(n, { abort });
      expect(entry && Buffer.compare(entry.bytes, bytesOf(n))).toBe(0);
    }
    expect(spool.live.held.batches).toBe(70);
    expect(await reportedNumbers(folder.path)).toEqual([]);
  } finally {
    execFileSync("umount", ["-l", folder.path]);
  }
});

test("what was half written and then given up leaves nothing behind what comes next", async (context) => {
  await using folder = await temporaryFolder();
  if (!mount(folder.path)) return context.skip("cannot mount a tmpfs here (needs root on Linux)");
  try {
    {
      await using spool = await openTestSpool(folder.path);
      for (let n = 1; n <= 20; n++) await spool.live.append(1, bytesOf, { abort });
      const giveBack = await fillDisk(folder.path);
      await rm(join(folder.path, "balloon-0"));
      const stop = new AbortController();
      const given = range(1, 50).map(() => spool.live.append(1, bytesOf, { abort: stop.signal }));
      while (spool.live.diskFullSinceMs === undefined)
        await new Promise((resolve) => setTimeout(resolve, 5));
      stop.abort(new Error("given up"));
      for (const { status } of await Promise.allSettled(given)) expect(status).toBe("rejected");
      await giveBack();
      expect(await spool.live.append(1, payloadOf, { abort })).toBe(21);
    }
    const { log, lines } = recordingLog();
    await using spool = await openTestSpool(folder.path, { log });
    expect(spool.live.lastSequence).toBe(21);
    expect(Buffer.compare((await spool.live.read(21, { abort }))!.bytes, payloadOf(21))).toBe(0);
    expect(lines.join("")).not.toMatch(/torn|DAMAGED/);
  } finally {
    execFileSync("umount", ["-l", folder.path]);
  }
});

test("what there was no space for takes no room: a spool that waited out a full disk is as full as its files", async () => {
  await using folder = await temporaryFolder();
  let usedBytes = 0;
  {
    await using spool = await openTestSpool(folder.path);
    await spool.live.append(1, bytesOf, { abort });
    const full = Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
    using write = vi
      .spyOn(SegmentWriter.prototype, "write")
      .mockRejectedValueOnce(full)
      .mockRejectedValueOnce(full);
    expect(await spool.live.append(1, bytesOf, { abort })).toBe(2);
    expect(write).toHaveBeenCalledTimes(3);
    usedBytes = spool.usedBytes;
  }
  await using spool = await openTestSpool(folder.path);
  expect(spool.usedBytes).toBe(usedBytes);
});
