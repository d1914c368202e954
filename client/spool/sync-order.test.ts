// "Taken" means synced: with the disk's sync held back, no append resolves.
import { open } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { eventually } from "../../test/testing/eventually.ts";
import { openTestSpool, payloadOf, temporaryFolder } from "../testing/spool.ts";

type Syncing = { datasync(): Promise<void> };

/** The methods of every open file of this process. */
async function fileMethods(path: string): Promise<Syncing> {
  const probe = await open(path, "w");
  await probe.close();
  return Object.getPrototypeOf(probe) as Syncing;
}

test("no append resolves before the disk has synced it", async () => {
  await using folder = await temporaryFolder();
  await using spool = await openTestSpool(folder.path);
  const { signal: abort } = new AbortController();
  // The file is there then, and synced as one that is new.
  await spool.live.append(1, payloadOf, { abort });
  const methods = await fileMethods(join(folder.path, "probe"));
  const { datasync } = methods;
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  let asked = 0;
  methods.datasync = async function (this: Syncing) {
    asked++;
    await released;
    return datasync.call(this);
  };
  try {
    let taken = false;
    const append = spool.live.append(1, payloadOf, { abort }).then(() => {
      taken = true;
    });
    await eventually("the disk is asked to sync", () => asked > 0);
    // What did not wait for it comes within a few milliseconds.
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(taken).toBe(false);
    release();
    await append;
    expect(taken).toBe(true);
  } finally {
    release();
    methods.datasync = datasync;
  }
});
