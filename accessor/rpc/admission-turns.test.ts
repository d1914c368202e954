// Through a service: questions have turns, whatever else the caller asks goes by them, and a call
// that is called off while it waits leaves nothing.
import { createClient, createRouterTransport } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { SignalService } from "#gen/millrace/v1/signal_service_pb.ts";
import { eventually } from "../../test/testing/eventually.ts";
import { Ledger } from "../domain/ledger.ts";
import { Admission } from "./admission.ts";

function open() {
  const ledger = new Ledger();
  const admission = new Admission({
    max: { queries: 100, ranges: 1, feeds: 1, producers: 1, batches: 1, others: 1 },
    hasRoomForAnswer: () => true,
    shareHolderOf: () => "greedy",
    defaultDeadlineMs: 60_000,
    maxDeadlineMs: 60_000,
    ledger,
    monotonicMs: () => 0,
  });
  const answers: (() => void)[] = [];
  const service = admission.wrap(SignalService, {
    summarizeMachines: () => new Promise<object>((resolve) => answers.push(() => resolve({}))),
    getLatest: () => ({ cursor: "at once" }),
    listMachines: () => ({ nextPageToken: "at once" }),
  });
  const transport = createRouterTransport((router) => router.service(SignalService, service));
  return { ledger, answers, signals: createClient(SignalService, transport) };
}

test("two of a caller's summaries are made at once, lists and latest go by them, and nothing is left of those called off", async () => {
  const { ledger, answers, signals } = open();
  const stop = new AbortController();
  const made = [signals.summarizeMachines({}), signals.summarizeMachines({})];
  await eventually("two are at work", () => answers.length === 2);
  const waiting = Array.from({ length: 30 }, () =>
    signals.summarizeMachines({}, { signal: stop.signal }),
  );
  await eventually("the others wait", () => ledger.borrowed()["questions that wait"] === 30);
  expect((await signals.getLatest({})).cursor).toBe("at once");
  expect((await signals.listMachines({})).nextPageToken).toBe("at once");
  expect(ledger.borrowed()).toMatchObject({ queries: 32, "units of questions": 8 });
  const ended = Promise.allSettled(waiting);
  stop.abort();
  expect((await ended).every(({ status }) => status === "rejected")).toBe(true);
  for (const answer of answers) answer();
  await Promise.all(made);
  await eventually("all is given back", () =>
    Object.values(ledger.borrowed()).every((amount) => amount === 0),
  );
  expect(answers).toHaveLength(2);
});
