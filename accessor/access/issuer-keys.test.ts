// An issuer that hangs, breaks, sends too much or sends elsewhere: asked once, blamed for it, and
// nobody waits longer than the first.
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { exportJWK, generateKeyPair, type JWK, SignJWT } from "jose";
import { expect, test } from "vitest";
import { Failure } from "../domain/failure.ts";
import { createTokenVerifier } from "./tokens.ts";

const issuer = "https://issuer.example";

/**
 * An issuer that answers as `handle` does, a verifier with a clock of the test's own, and a token.
 */
async function openFixture(handle: (jwk: JWK) => RequestListener, { timeoutMs = 3_000 } = {}) {
  const { privateKey, publicKey } = await generateKeyPair("ES256");
  const jwk = { ...(await exportJWK(publicKey)), kid: "one" };
  const state = { asked: 0, nowMs: 0, handle: handle(jwk) };
  const server = createServer((request, response) => {
    state.asked++;
    state.handle(request, response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const verify = createTokenVerifier({
    issuer,
    audience: "millrace",
    jwksUrl: `${url}/keys`,
    timeoutMs,
    monotonicMs: () => state.nowMs,
  });
  const sign = (kid = "one") =>
    new SignJWT({ iss: issuer, aud: "millrace", sub: "s", exp: Math.floor(Date.now() / 1000) + 60 })
      .setProtectedHeader({ alg: "ES256", kid })
      .sign(privateKey);
  const ask = async (kid?: string) => {
    const outcome = await verify(await sign(kid)).catch((error: unknown) => error);
    if (outcome === undefined) return { outcome: "UNAUTHENTICATED" };
    if (!(outcome instanceof Failure)) return { outcome: "in" };
    return { outcome: outcome.reason, retryAfterMs: outcome.retryAfterMs, cause: outcome.cause };
  };
  return {
    state,
    jwk,
    url,
    ask,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

const answer =
  (body: string | Buffer, headers: Record<string, string> = {}): RequestListener =>
  (_, response) => {
    response.writeHead(200, { "content-type": "application/json", ...headers }).end(body);
  };
const keysOf = (...keys: JWK[]) => JSON.stringify({ keys });
const hangs: RequestListener = () => {};

test("an issuer that hangs is asked once: the others are told at once, with when to try again; then it is asked anew", async () => {
  // Long enough for a busy machine to connect in.
  await using fixture = await openFixture(() => hangs, { timeoutMs: 1_000 });
  const { state, ask, jwk } = fixture;
  const first = await Promise.all(Array.from({ length: 10 }, () => ask()));
  expect(new Set(first.map(({ outcome }) => outcome))).toEqual(new Set(["ISSUER_UNAVAILABLE"]));
  expect(state.asked).toBe(1);
  state.nowMs += 4_000;
  const later = await ask();
  expect(later).toMatchObject({
    outcome: "ISSUER_UNAVAILABLE",
    retryAfterMs: 6_000,
    cause: undefined,
  });
  expect(state.asked).toBe(1);
  state.handle = answer(keysOf(jwk));
  state.nowMs += 6_000;
  expect(await ask()).toEqual({ outcome: "in" });
  expect(await ask()).toEqual({ outcome: "in" });
  expect(state.asked).toBe(2);
});

test("a key that is not known is asked for once in the cooldown, and that the issuer is away is not the token's fault", async () => {
  await using fixture = await openFixture((jwk) => answer(keysOf(jwk)));
  const { state, ask } = fixture;
  expect(await ask()).toEqual({ outcome: "in" });
  for (let i = 0; i < 5; i++) expect(await ask("two")).toEqual({ outcome: "UNAUTHENTICATED" });
  expect(state.asked).toBe(1);
  state.nowMs += 30_000;
  for (let i = 0; i < 5; i++) expect(await ask("two")).toEqual({ outcome: "UNAUTHENTICATED" });
  expect(state.asked).toBe(2);
  state.handle = (_, response) => void response.writeHead(503).end();
  state.nowMs += 30_000;
  for (let i = 0; i < 5; i++)
    expect(await ask("two")).toMatchObject({ outcome: "ISSUER_UNAVAILABLE" });
  // Those that are known are good as long as the set is.
  expect(await ask()).toEqual({ outcome: "in" });
  expect(state.asked).toBe(3);
  state.nowMs += 600_000;
  expect(await ask()).toMatchObject({ outcome: "ISSUER_UNAVAILABLE" });
});

test.each<[what: string, handle: (jwk: JWK, url: () => string) => RequestListener]>([
  ["more than 1 MiB", (jwk) => answer(keysOf(jwk, { ...jwk, kid: "x".repeat(1_100_000) }))],
  [
    "more than 1 MiB, once it is unpacked",
    (jwk) =>
      answer(gzipSync(keysOf(jwk, { kid: "x".repeat(2_000_000) } as JWK)), {
        "content-encoding": "gzip",
      }),
  ],
  [
    "too many keys",
    (jwk) => answer(keysOf(...Array.from({ length: 101 }, (_, i) => ({ ...jwk, kid: `k${i}` })))),
  ],
  ["no JSON", () => answer("{")],
  ["no key set", () => answer("null")],
  [
    "a redirect",
    (jwk, url) => (request, response) => {
      if (request.url === "/elsewhere") return answer(keysOf(jwk))(request, response);
      response.writeHead(302, { location: `${url()}/elsewhere` }).end();
    },
  ],
  [
    "an end in the middle",
    (jwk) => (_, response) => {
      response.writeHead(200, { "content-length": "100000" }).write(keysOf(jwk));
      response.destroy();
    },
  ],
])("%s is an issuer that does not answer", async (_, handle) => {
  let url = "";
  await using fixture = await openFixture((jwk) => handle(jwk, () => url));
  url = fixture.url;
  expect(await fixture.ask()).toMatchObject({
    outcome: "ISSUER_UNAVAILABLE",
    retryAfterMs: 10_000,
  });
  expect(fixture.state.asked).toBe(1);
});

test("an answer without end is left at the bound, and its connection closed", async () => {
  const closed = Promise.withResolvers<void>();
  let sent = 0;
  await using fixture = await openFixture(() => async (_, response) => {
    response.once("close", closed.resolve).writeHead(200);
    const piece = Buffer.alloc(64 * 1024, " ");
    while (!response.destroyed) {
      sent += piece.length;
      if (!response.write(piece)) await Promise.race([once(response, "drain"), closed.promise]);
      await turn();
    }
  });
  expect(await fixture.ask()).toMatchObject({ outcome: "ISSUER_UNAVAILABLE" });
  await closed.promise;
  // What lies in the buffers of two sockets comes on top.
  expect(sent).toBeLessThan(32 * 1024 * 1024);
});
