// A disk without space: appends wait, loudly, nothing is lost, and they go on when there is space again. Needs to mount a tmpfs.
import { execFileSync } from "node:child_process";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openTestSpool, payloadOf, range, recordingLog, reportedNumbers, temporaryFolder } from "./spool-fixture.ts";

const { signal } = new AbortController();

function mount(path: string): boolean {
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "millrace-test", path], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

test("appends wait for space, and nothing is lost", async (context) => {
  await using folder = await temporaryFolder();
  if (!mount(folder.path)) return context.skip("cannot mount a tmpfs here (needs root on Linux)");
  try {
    const balloon = join(folder.path, "balloon");
    const { log, lines } = recordingLog();
    const bytesOf = (sequence: number) => Buffer.concat([payloadOf(sequence), Buffer.alloc(3000)]);
    {
      await using spool = await openTestSpool(folder.path, { log, segmentBytes: 50_000 });
      for (let n = 1; n <= 20; n++) await spool.live.append(1, bytesOf, { signal });
      // In pieces, to the last page.
      for (let n = 0; n < 300; n++)
        if (
          await writeFile(`${balloon}${n}`, Buffer.alloc(4096)).then(
            () => false,
            () => true,
          )
        )
          break;
      const waiting = range(1, 50).map(() => spool.live.append(1, bytesOf, { signal }));
      while (spool.live.diskFullSinceMs === undefined) await new Promise((resolve) => setTimeout(resolve, 5));
      const stop = new AbortController();
      const given = spool.live.append(1, bytesOf, { signal: stop.signal });
      stop.abort(new Error("given up"));
      await expect(given).rejects.toThrow("given up");
      expect(lines.join("")).toMatch(/DISK IS FULL/);
      expect(spool.live.failed.aborted).toBe(false);
      // What was promised before can be sent meanwhile.
      expect((await spool.live.read(1, { signal }))?.sequence).toBe(1);
      for (let n = 0; n < 300; n++) await rm(`${balloon}${n}`, { force: true });
      const taken = await Promise.all(waiting);
      expect(taken).toEqual(range(21, 70));
      expect(spool.live.diskFullSinceMs).toBeUndefined();
      expect(lines.join("")).toMatch(/has space again/);
    }
    await using spool = await openTestSpool(folder.path);
    for (const n of range(1, 70)) {
      const entry = await spool.live.read(n, { signal });
      expect(entry && Buffer.compare(entry.bytes, bytesOf(n))).toBe(0);
    }
    expect(spool.live.held.batches).toBe(70);
    expect(await reportedNumbers(folder.path)).toEqual([]);
  } finally {
    execFileSync("umount", ["-l", folder.path]);
  }
});
