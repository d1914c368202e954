// The questions of the authorizer, how long it uses an answer, and its behaviour without one. Over
// real sockets, with a clock of the test's own.
import { Code, ConnectError } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { Scope } from "#gen/millrace/v1/access_pb.ts";
import { AccessService } from "#gen/millrace/v1/access_service_pb.ts";
import { openGrpcServer } from "../../runtime/grpc/server.ts";
import { createLog } from "../../runtime/log.ts";
import { createUpstream } from "../upstream/upstream.ts";
import { createAuthorizer } from "./authorize.ts";

const read = "/millrace.v1.SignalService/ListMachines";
const write = "/millrace.v1.IngestService/IngestBatch";

/** An accessor that knows the credentials of a set, and counts the questions. */
async function openFixture(options: { maxAnswers?: number; mustAuthenticate?: boolean } = {}) {
  await using stack = new AsyncDisposableStack();
  const state = { known: new Set(["good"]), open: false, broken: false, asked: 0, nowMs: 0 };
  const server = stack.use(
    await openGrpcServer(
      {
        host: "127.0.0.1",
        port: 0,
        maxMessageBytes: 1_000,
        drainMs: 100,
        shutdownReason: () => new Error("stopping"),
        toError: (error) => ConnectError.from(error),
      },
      (mount) =>
        mount(AccessService, {
          whoAmI(_, { requestHeader }) {
            state.asked++;
            if (state.broken) throw new ConnectError("away", Code.Unavailable);
            if (state.open) return { open: true };
            const credential = requestHeader.get("authorization")?.slice(7) ?? "";
            if (!state.known.has(credential)) throw new ConnectError("no", Code.Unauthenticated);
            return { principal: { id: credential, scopes: [Scope.READ] } };
          },
        }),
    ),
  );
  const upstream = stack.use(createUpstream(`http://127.0.0.1:${server.port}`));
  const log = createLog({ name: "authorize", level: "silent" });
  const authorize = createAuthorizer({ upstream, log, monotonicMs: () => state.nowMs, ...options });
  const owned = stack.move();
  const codeOf = (path: string, credential?: string) =>
    authorize({ path, credential, peer: "p" }).then(
      () => "in",
      (error) => Code[ConnectError.from(error).code],
    );
  return { state, codeOf, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

test("an answer is believed for 2 s, whatever is asked with its credential, and no longer", async () => {
  await using fixture = await openFixture();
  const { state, codeOf } = fixture;
  expect(
    await Promise.all([codeOf(read, "good"), codeOf(read, "good"), codeOf(write, "good")]),
  ).toEqual(["in", "in", "PermissionDenied"]);
  expect(state.asked).toBe(1);
  state.known.clear();
  state.nowMs = 1_999;
  expect(await codeOf(read, "good")).toBe("in");
  state.nowMs = 2_000;
  expect(await codeOf(read, "good")).toBe("Unauthenticated");
  expect(state.asked).toBe(2);
});

test("no credential and a wrong one are refused, each asked once", async () => {
  await using fixture = await openFixture();
  const { state, codeOf } = fixture;
  expect([
    await codeOf(read),
    await codeOf(read, "bad"),
    await codeOf(read),
    await codeOf(read, "bad"),
  ]).toEqual(Array(4).fill("Unauthenticated"));
  expect(state.asked).toBe(2);
  expect(await codeOf("/grpc.health.v1.Health/Check")).toBe("in");
  expect(await codeOf("/millrace.v1.SignalService/Unlisted", "good")).toBe("PermissionDenied");
});

test("answers are bounded: the oldest is asked for again", async () => {
  await using fixture = await openFixture({ maxAnswers: 2 });
  const { state, codeOf } = fixture;
  for (const credential of ["good", "bad 1", "bad 2", "good"]) await codeOf(read, credential);
  expect(state.asked).toBe(4);
});

test("an open accessor is asked in the background only, and its closing is noticed", async () => {
  await using fixture = await openFixture();
  const { state, codeOf } = fixture;
  state.open = true;
  expect([await codeOf(read), await codeOf(write, "any")]).toEqual(["in", "in"]);
  expect(state.asked).toBe(1);
  state.open = false;
  state.nowMs = 2_000;
  expect(await codeOf(read)).toBe("in");
  await expect.poll(() => codeOf(read)).toBe("Unauthenticated");
  expect(state.asked).toBe(2);
});

test("an accessor that is away decides when it is back: until then requests pass, and nothing is kept", async () => {
  await using fixture = await openFixture();
  const { state, codeOf } = fixture;
  state.broken = true;
  expect(await codeOf(read, "bad")).toBe("in");
  state.broken = false;
  expect(await codeOf(read, "bad")).toBe("Unauthenticated");
});

test("where it must, it lets nobody in while authentication is off or the accessor is away, and again when it is on", async () => {
  await using fixture = await openFixture({ mustAuthenticate: true });
  const { state, codeOf } = fixture;
  state.open = true;
  expect(await codeOf(read, "good")).toBe("Unavailable");
  expect(await codeOf(read)).toBe("Unavailable");
  expect(await codeOf("/grpc.health.v1.Health/Check")).toBe("in");
  state.open = false;
  state.nowMs = 2_000;
  expect(await codeOf(read, "good")).toBe("in");
  expect(await codeOf(read)).toBe("Unauthenticated");
  state.broken = true;
  state.nowMs = 4_000;
  expect(await codeOf(read, "good")).toBe("Unavailable");
});
