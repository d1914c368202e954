// A question has its turn until its answer is encoded, so few answers are held at once, however
// many are asked for.
import { createClient } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { SignalService } from "#gen/millrace/v1/signal_service_pb.ts";
import { openGrpcServer } from "../../runtime/grpc/server.ts";
import { createGrpcTransport } from "../../runtime/grpc/transport.ts";
import { Ledger } from "../domain/ledger.ts";
import { Admission } from "./admission.ts";

const listed = Array.from({ length: 2_000 }, (_, i) => ({
  name: `signal-${i}`,
  units: ["W"],
  machineCount: 1,
}));

test("of a hundred large answers that a caller asks for, four are there at once, and each comes whole", async () => {
  const ledger = new Ledger();
  const admission = new Admission({
    max: { queries: 200, ranges: 1, feeds: 1, producers: 1, batches: 1, others: 1 },
    hasRoomForAnswer: () => true,
    shareHolderOf: () => "greedy",
    defaultDeadlineMs: 60_000,
    maxDeadlineMs: 60_000,
    ledger,
    monotonicMs: () => 0,
  });
  let there = 0;
  let most = 0;
  const service = admission.wrap(SignalService, {
    listSignals(_request, { signal: abort }) {
      most = Math.max(most, ++there);
      // Aborted as soon as the answer is encoded.
      abort.addEventListener("abort", () => there--);
      return { signals: listed };
    },
  });
  await using server = await openGrpcServer(
    {
      host: "127.0.0.1",
      port: 0,
      maxMessageBytes: 1e6,
      drainMs: 0,
      toError: (error) => error as never,
      shutdownReason: () => new Error("the test is over"),
    },
    (mount) => mount(SignalService, service),
  );
  using transport = createGrpcTransport({ baseUrl: `http://127.0.0.1:${server.port}` });
  const client = createClient(SignalService, transport);
  const asked = Array.from({ length: 100 }, () => client.listSignals({}, { timeoutMs: 30_000 }));
  for (const { signals } of await Promise.all(asked)) {
    expect(signals).toHaveLength(2_000);
    expect(signals.at(-1)).toMatchObject({ name: "signal-1999", units: ["W"], machineCount: 1 });
  }
  // One more may have begun before the one that made room for it is done with.
  expect(most).toBeLessThanOrEqual(5);
  expect(there).toBe(0);
  expect(Object.values(ledger.borrowed()).every((amount) => amount === 0)).toBe(true);
}, 60_000);
