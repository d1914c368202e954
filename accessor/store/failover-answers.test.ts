// A standby is promoted under an accessor that serves queries meanwhile: each answer is of one
// history, whatever the accessor has noticed.
import { expect, test } from "vitest";
import type { TestAccessor } from "../testing/accessor.ts";
import { reasonOf } from "../testing/errors.ts";
import { openOn, sendAll, serversOfFile, unaware } from "../testing/failover.ts";

const open = serversOfFile();

const timeout = 120_000;

test("an answer is never of two histories: who knows nothing asks the new primary only once it knows", {
  timeout,
}, async () => {
  const { servers, accessor } = await open(unaware);
  const kept = await sendAll(accessor, "p", 5);
  const other = await openOn(servers, unaware);
  await servers.caughtUp();
  servers.holdBack();
  await sendAll(accessor, "q", 3);
  const page = await accessor.signals.querySignals({ signal: "power", pageSize: 6 });
  await servers.promote();
  const fresh = await openOn(servers, unaware);
  await sendAll(fresh, "new", 7);
  const ask = ({ signals }: TestAccessor, pageToken = "") =>
    signals.querySignals({ signal: "power", pageToken });
  // The first attempts find the connections that the promotion broke.
  const reasonAt = async (asked: TestAccessor, pageToken?: string) => {
    for (let attempt = 0; attempt < 5; attempt++) {
      const { reason } = (await reasonOf(ask(asked, pageToken))) ?? {};
      if (reason !== "DATABASE_UNAVAILABLE") return reason;
    }
    throw new Error("the database is not there");
  };
  // This accessor has published none of the lost commits. A page of the former history cannot be
  // continued from the new one.
  expect(await reasonAt(other, page.nextPageToken)).toBe("PAGE_TOKEN_INVALID");
  const { signals, cursor } = await ask(other);
  expect([signals.length, cursor]).toEqual([5, kept]);
  expect(await reasonAt(accessor)).toBe("SHUTTING_DOWN");
  await expect(accessor.done).rejects.toThrow("without revision 6");
});
