// GET /status, in REST's words.
import { expect, test } from "vitest";
import { fullStatus } from "../testing/answers.ts";
import { openTestGateway } from "../testing/gateway.ts";

test("the status, with durations in seconds and kinds in words", async () => {
  await using gateway = await openTestGateway();
  gateway.accessor.status.getStatus = fullStatus;
  const { status, body, headers } = await gateway.ask("/status");
  expect(status).toBe(200);
  expect(headers.get("cache-control")).toBe("no-store");
  expect(body).toMatchObject({
    version: "1.2.3",
    machines: 7,
    stored: { records_per_second: 100 },
    feeds: { open: 2, sent: { batches_per_second: 2 } },
    history: { lag_commits: 3, lag_seconds: 61.5, log_bytes: 4096, retention_seconds: 864_000 },
    problems: [{ kind: "HISTORY_BEHIND", message: "It is behind." }],
  });
  gateway.accessor.status.getStatus = () => ({ version: "1.2.3" });
  const bare = await gateway.ask("/status");
  expect(bare.body).toMatchObject({ machines: 0, problems: [], feeds: { open: 0 } });
  expect(bare.body["history"]).not.toHaveProperty("retention_seconds");
});
