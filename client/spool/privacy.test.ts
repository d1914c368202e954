// Nobody but its owner may read a spool, and a folder that has other things in it is left alone.
import { chmod, mkdir, readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { appendAll, openTestSpool, temporaryFolder } from "../testing/spool.ts";

/** Modes of everything below a folder, and of itself. */
async function modesBelow(path: string): Promise<Record<string, string>> {
  const names = ["", ...(await readdir(path, { recursive: true }))];
  const modes = names.map(async (name) => [
    name,
    ((await stat(join(path, name))).mode & 0o777).toString(8),
  ]);
  return Object.fromEntries(await Promise.all(modes));
}

test("nobody else may enter a spool or read what is in it, whatever the umask, and one from before is closed", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "spool");
  const before = process.umask(0);
  try {
    for (const _ of ["new", "opened wide in between"]) {
      {
        await using spool = await openTestSpool(path, { segmentBytes: 300 });
        await appendAll(spool.live, 20);
        spool.live.ack(3);
      }
      await mkdir(join(path, "quarantine"), { recursive: true });
      await writeFile(join(path, "gaps.ndjson"), "");
      await writeFile(join(path, "quarantine", "live-1.seg"), "");
      for (const [name, mode] of Object.entries(await modesBelow(path)))
        if (mode === "600" || mode === "700")
          await chmod(join(path, name), mode === "700" ? 0o777 : 0o666);
      await using spool = await openTestSpool(path);
      await appendAll(spool.live, 1);
      const modes = await modesBelow(path);
      expect(Object.keys(modes)).toEqual(
        expect.arrayContaining(["", "lock", "spool.json", "gaps.ndjson", "live"]),
      );
      const open = Object.entries(modes).filter(([, mode]) => mode !== "600" && mode !== "700");
      expect(open).toEqual([]);
    }
  } finally {
    process.umask(before);
  }
});

test("a folder with other things in it, or one that others share, is left as it is; what is ours in it is closed", async () => {
  await using folder = await temporaryFolder();
  for (const [name, mode] of [
    ["busy", 0o755],
    ["shared", 0o1777],
  ] as const) {
    const path = join(folder.path, name);
    await mkdir(path);
    if (name === "busy") await writeFile(join(path, "letter.txt"), "dear", { mode: 0o644 });
    await chmod(path, mode);
    {
      await using spool = await openTestSpool(path);
      await appendAll(spool.live, 1);
    }
    expect([name, (await stat(path)).mode & 0o7777]).toEqual([name, mode]);
    const modes = await modesBelow(path);
    expect(modes).toMatchObject({ live: "700", backlog: "700", "spool.json": "600", lock: "600" });
    if (name === "busy") expect(modes["letter.txt"]).toBe("644");
  }
});
