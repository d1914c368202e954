// A live feed across the restart of a real gRPC server.
import { expect, test } from "vitest";
import { openFakeAccessor } from "../testing/accessor.ts";
import { brittleLog, sample, valuesIn } from "../testing/brittle-log.ts";
import { openCheckedGateway } from "../testing/gateway.ts";

test("a real accessor goes and another comes to its port: one feed, every record once", async () => {
  const log = brittleLog([], 4);
  let accessor = await openFakeAccessor();
  const port = Number(new URL(accessor.url).port);
  const reached = Promise.withResolvers<void>();
  accessor.signals.watchSignals = async function* (_request, { signal: abort }) {
    yield { after: "c0", through: "c0" };
    yield { after: "c0", through: "c2", ...sample(2) };
    reached.resolve();
    await new Promise((_, reject) =>
      abort.addEventListener("abort", () => reject(abort.reason), { once: true }),
    );
  };
  await using gateway = await openCheckedGateway({
    accessorUrl: accessor.url,
  });
  const response = fetch(`http://127.0.0.1:${gateway.port}/signals/power/live?format=ndjson`);
  await reached.promise;
  await accessor[Symbol.asyncDispose]();
  accessor = await openFakeAccessor(port);
  accessor.signals.watchSignals = log.watchSignals;
  expect(valuesIn(await (await response).text())).toEqual([2, 3, 4]);
  expect(log.asked).toEqual(["c2"]);
  await accessor[Symbol.asyncDispose]();
});
