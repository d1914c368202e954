// Calls that cannot continue because the gateway stops or the accessor is unavailable: each ends
// with UNAVAILABLE and a reason.
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { expect, test } from "vitest";
import { ErrorInfoSchema } from "#gen/google/rpc/error_details_pb.ts";
import { SignalService } from "#gen/millrace/v1/signal_service_pb.ts";
import { createLog } from "../../runtime/log.ts";
import { openFakeAccessor } from "../testing/accessor.ts";
import { openCheckedGateway } from "../testing/gateway.ts";
import { allKinds, transportsTo } from "../testing/transports.ts";

test.each(allKinds)(
  "a gateway that stops ends streams by %s with a reason, and itself in time",
  async (kind) => {
    await using accessor = await openFakeAccessor();
    accessor.signals.watchSignals = async function* (_request, { signal: abort }) {
      yield { through: "c1" };
      await new Promise((_, reject) => abort.addEventListener("abort", () => reject(abort.reason)));
    };
    const log = createLog({ name: "test", level: "silent" });
    const stopping = await openCheckedGateway({
      host: "127.0.0.1",
      port: 0,
      accessorUrl: accessor.url,
      log,
      drainMs: 60_000,
    });
    const transport = transportsTo(`http://127.0.0.1:${stopping.port}`)[kind]!;
    let closed: PromiseLike<void> | undefined;
    const error = await (async () => {
      for await (const _ of createClient(SignalService, transport).watchSignals({}))
        closed = stopping[Symbol.asyncDispose]();
    })().catch((e: unknown) => ConnectError.from(e));
    expect(error).toMatchObject({ code: Code.Unavailable });
    expect((error as ConnectError).findDetails(ErrorInfoSchema)).toMatchObject([
      { reason: "SHUTTING_DOWN" },
    ]);
    await closed;
    if (kind === "gRPC by grpc-js") (transport as unknown as Disposable)[Symbol.dispose]();
  },
);

test("while the accessor is away, every call says unavailable without naming where it is", async () => {
  await using lonely = await openCheckedGateway({
    host: "127.0.0.1",
    port: 0,
    accessorUrl: "http://127.0.0.1:1",
    log: createLog({ name: "test", level: "silent" }),
  });
  const url = `http://127.0.0.1:${lonely.port}`;
  const client = createClient(
    SignalService,
    createConnectTransport({ baseUrl: url, httpVersion: "1.1" }),
  );
  const error = await client.listSignals({}).catch((e: unknown) => ConnectError.from(e));
  expect(error).toMatchObject({
    code: Code.Unavailable,
    rawMessage: "the accessor is not responding: try again",
  });
  const rest = await fetch(`${url}/signals`);
  expect(rest.status).toBe(503);
  expect(rest.headers.get("retry-after")).toBe("1");
  const ready = await fetch(`${url}/readyz`);
  expect([ready.status, await ready.json()]).toEqual([
    503,
    { status: "not ready", reason: "the accessor does not answer (unavailable)" },
  ]);
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
});
