// Long work of a caller takes turns with that of others, however many calls it comes from.
import { createClient } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { SignalService } from "#gen/millrace/v1/signal_service_pb.ts";
import { openGrpcServer } from "../../runtime/grpc/server.ts";
import { createGrpcTransport } from "../../runtime/grpc/transport.ts";
import { nextTurn } from "../../runtime/turns.ts";
import { Ledger } from "../domain/ledger.ts";
import { Admission } from "./admission.ts";

async function open() {
  const admission = new Admission({
    max: { queries: 100, ranges: 100, feeds: 1, producers: 1, batches: 1, others: 1 },
    hasRoomForAnswer: () => true,
    shareHolderOf: ({ requestHeader }) => requestHeader.get("x-caller") ?? "",
    defaultDeadlineMs: 60_000,
    maxDeadlineMs: 60_000,
    ledger: new Ledger(),
    monotonicMs: () => 0,
  });
  const turns: string[] = [];
  const work = async (caller: string | null) => {
    for (let turn = 0; turn < 50; turn++) {
      await nextTurn();
      turns.push(caller!);
    }
  };
  const service = admission.wrap(SignalService, {
    async getLatest(_, { requestHeader }) {
      await work(requestHeader.get("x-caller"));
      return {};
    },
    async *readSignals(_, { requestHeader }) {
      await work(requestHeader.get("x-caller"));
      yield {};
    },
  });
  const server = await openGrpcServer(
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
  const transport = createGrpcTransport({ baseUrl: `http://127.0.0.1:${server.port}` });
  const signals = createClient(SignalService, transport);
  return {
    turns,
    signals,
    async [Symbol.asyncDispose]() {
      transport[Symbol.dispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

const as = (caller: string) => ({ headers: { "x-caller": caller } });

test.for(["a query", "a range"])(
  "%s is done long before the thirty of somebody else",
  async (kind) => {
    await using opened = await open();
    const { turns, signals } = opened;
    const ask = async (caller: string) => {
      if (kind === "a query") await signals.getLatest({}, as(caller));
      else for await (const _ of signals.readSignals({ signals: ["power"] }, as(caller)));
    };
    const many = Array.from({ length: 30 }, () => ask("many"));
    await Promise.all([ask("one"), ...many]);
    expect(turns).toHaveLength(31 * 50);
    const [first, last] = [turns.indexOf("one"), turns.lastIndexOf("one")];
    // Every second turn, at least.
    expect(last - first).toBeLessThan(2 * 50 + 5);
  },
);
