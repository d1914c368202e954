// The mark of a lane: whichever slot a torn write hits, the other one is there.
import { open } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../testing/spool.ts";
import { openMark } from "./mark.ts";

test("a torn write of the newest slot leaves the state before it, at either slot", async () => {
  await using folder = await temporaryFolder();
  for (const writes of [2, 3]) {
    const path = join(folder.path, `mark-${writes}`);
    {
      const { mark } = await openMark(path);
      await using _ = mark;
      // Of saves in a row only the last is written, so how many there were does not matter but for
      // whose turn is next.
      for (let n = 1; n <= writes; n++)
        await mark.saveDurably({ syncedThrough: 10 * n, ackedThrough: n });
      await mark.saveDurably({ syncedThrough: 100, ackedThrough: 50 });
      mark.save({ syncedThrough: 200, ackedThrough: 60 });
    }
    const file = await open(path, "r+");
    const turns = await Promise.all(
      [0, 4096].map(async (at) =>
        (await file.read(Buffer.alloc(8), 0, 8, at)).buffer.readBigUInt64LE(),
      ),
    );
    const newest = turns[0]! > turns[1]! ? 0 : 4096;
    await file.write(Buffer.from([0xff]), 0, 1, newest + 10);
    await file.close();
    const { mark, state } = await openMark(path);
    await mark[Symbol.asyncDispose]();
    expect(state).toEqual({ syncedThrough: 100, ackedThrough: 50 });
  }
});
