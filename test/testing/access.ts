// For the tests of access: accessor and gateway in this process, keys of every kind, and one way to
// make any call.
import {
  create,
  type DescMethod,
  type DescMethodStreaming,
  type DescMethodUnary,
  type Message,
} from "@bufbuild/protobuf";
import { Code, ConnectError, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { ErrorInfoSchema } from "#gen/google/rpc/error_details_pb.ts";
import { revokeCommand } from "../../accessor/commands/key-actions.ts";
import { openTestAccessor } from "../../accessor/testing/accessor.ts";
import type { BatchInit } from "../../accessor/testing/batches.ts";
import { idOf, openClients, openKeyFixture } from "../../accessor/testing/keys.ts";
import { openCheckedGateway } from "../../gateway/testing/gateway.ts";
import { createGrpcTransport } from "../../runtime/grpc/transport.ts";
import { createLog } from "../../runtime/log.ts";
import { eventually } from "./eventually.ts";
import { testDatabase } from "./postgres.ts";

/** The machine that `own` keys are for; "press-1" is foreign to them. */
export const ownMachine = "mill-1";

export type Fixture = Awaited<ReturnType<typeof openFixture>>;

/** With records of mill-1, press-1 and mill-2, in this order. All logs go to lines. */
export async function openFixture() {
  await using stack = new AsyncDisposableStack();
  const lines: string[] = [];
  const logOf = (name: string) =>
    createLog({ name, level: "debug", format: "json", sink: (line) => lines.push(line) });
  const { url } = stack.use(await testDatabase());
  const keys = stack.use(await openKeyFixture(url, logOf("keys")));
  const admin = await keys.create({ scope: ["admin"] });
  const accessor = stack.use(
    await openTestAccessor({ databaseUrl: url, auth: {}, log: logOf("accessor") }),
  );
  const accessorUrl = `http://127.0.0.1:${accessor.port}`;
  const gateway = stack.use(
    await openCheckedGateway({ host: "127.0.0.1", port: 0, accessorUrl, log: logOf("gateway") }),
  );
  const { ingest, signals } = stack.use(openClients(accessor.port, admin));
  const { cursor: start } = await signals.getLatest({});
  for (const [i, machine] of [ownMachine, "press-1", "mill-2"].entries()) {
    const time = { seconds: BigInt(Math.floor(Date.now() / 1000) - 60) };
    const grid = { startUs: time.seconds * 1_000_000n, periodUs: 10_000n };
    const samples = [
      {
        signal: "power",
        unit: "W",
        times: { case: "grid" as const, value: grid },
        values: [1, 2, 3],
      },
    ];
    const batch: BatchInit = { machine, stateChanges: [{ time, state: 1 }], samples };
    await ingest.ingestBatch({ producerId: "setup", sequence: BigInt(i + 1), batch });
  }
  const owned = stack.move();
  return {
    lines,
    /** The cursor before all records. */
    start,
    keys,
    admin,
    accessor,
    accessorUrl,
    gatewayUrl: `http://127.0.0.1:${gateway.port}`,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** A credential for each row of the matrix, all of them registered with the accessor. */
export async function makeCredentials({
  keys,
  admin,
  accessor,
}: Fixture): Promise<Record<string, string | undefined>> {
  const own = (scope: "read" | "live" | "write" | "admin") =>
    keys.create({ scope: [scope], machine: ["mill-*"] });
  const expired = await keys.create({ scope: ["admin"], expires: 1_000 });
  const revoked = await keys.create({ scope: ["admin"] });
  await revokeCommand(idOf(revoked), keys.context);
  const made = {
    read: await own("read"),
    live: await own("live"),
    write: await own("write"),
    admin: await own("admin"),
  };
  const foreign = await keys.create({ scope: ["admin"], machine: ["lathe-*"] });
  const stranger = `${admin.slice(0, 16)}${"A".repeat(43)}`;
  const isKnown = async (key: string) => {
    using clients = openClients(accessor.port, key);
    return await clients.access.whoAmI({}).then(
      () => true,
      () => false,
    );
  };
  for (const key of [...Object.values(made), foreign])
    await eventually("the key is known", () => isKnown(key));
  await eventually("the key has expired", async () => !(await isKnown(expired)));
  return {
    none: undefined,
    wrong: stranger,
    unreadable: "sesame",
    expired,
    revoked,
    ...made,
    foreign,
  };
}

export type Protocol = "gRPC" | "gRPC through the gateway" | "gRPC-Web" | "Connect";

export function openTransports({ accessorUrl, gatewayUrl: baseUrl }: Fixture) {
  const direct = createGrpcTransport({ baseUrl: accessorUrl });
  const forwarded = createGrpcTransport({ baseUrl });
  const transports: Record<Protocol, Transport> = {
    gRPC: direct,
    "gRPC through the gateway": forwarded,
    "gRPC-Web": createGrpcWebTransport({ baseUrl, httpVersion: "2" }),
    Connect: createConnectTransport({ baseUrl, httpVersion: "2" }),
  };
  return {
    transports,
    [Symbol.dispose]() {
      direct[Symbol.dispose]();
      forwarded[Symbol.dispose]();
    },
  };
}

/** The outcome of a call: "allowed" with its first answer, or the reason of its refusal. */
export type Outcome = { outcome: string; answer?: Message };

export async function put(
  transport: Transport,
  method: DescMethod,
  { request, credential }: { request: object; credential: string | undefined },
): Promise<Outcome> {
  const header: Record<string, string> =
    credential === undefined ? {} : { authorization: `Bearer ${credential}` };
  const stop = new AbortController();
  const input = create(method.input, request as Record<string, unknown>);
  try {
    if (method.methodKind === "unary") {
      const { message } = await transport.unary(
        method as DescMethodUnary,
        stop.signal,
        10_000,
        header,
        input,
      );
      return { outcome: "allowed", answer: message as Message };
    }
    const requests = (async function* () {
      yield input;
    })();
    const stream = method as DescMethodStreaming;
    const { message } = await transport.stream(stream, stop.signal, 10_000, header, requests);
    for await (const first of message) return { outcome: "allowed", answer: first as Message };
    return { outcome: "allowed" };
  } catch (error) {
    const known = ConnectError.from(error);
    // Permitted, but the answer is that the requested record does not exist.
    if (known.code === Code.NotFound) return { outcome: "allowed" };
    const [info] = known.findDetails(ErrorInfoSchema);
    const codes: Record<number, string> = { 7: "PERMISSION_DENIED", 16: "UNAUTHENTICATED" };
    const expected = codes[known.code];
    if (expected === undefined) throw error;
    if (info?.reason !== expected || info.domain !== "millrace.v1")
      throw new Error(`without a reason: ${known.message}`);
    return { outcome: expected };
  } finally {
    stop.abort();
  }
}
