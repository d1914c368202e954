// Tokens of an issuer with a key server of its own on this machine: what passes, what does not,
// rotation, and the end of streams.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Code, ConnectError } from "@connectrpc/connect";
import { exportJWK, generateKeyPair, type JWK, SignJWT, UnsecuredJWT } from "jose";
import { expect, test } from "vitest";
import { openTestAccessor } from "../testing/accessor.ts";
import { reasonOf } from "../testing/errors.ts";
import { openClients } from "../testing/keys.ts";
import { toPrincipal } from "./tokens.ts";

const issuer = "https://issuer.example";
const audience = "millrace";

type KeyPair = Awaited<ReturnType<typeof generateKeyPair>>;
type SigningKey = { kid: string; alg: string; privateKey: KeyPair["privateKey"]; jwk: JWK };

async function makeKey(kid: string, alg = "ES256"): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return { kid, alg, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg } };
}

async function openIssuer(...published: SigningKey[]) {
  let keys = published;
  let [asked, broken] = [0, false];
  const server = createServer((_request, response) => {
    asked++;
    response.statusCode = broken ? 500 : 200;
    response
      .setHeader("content-type", "application/json")
      .end(JSON.stringify({ keys: keys.map(({ jwk }) => jwk) }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    tokens: {
      issuer,
      audience,
      jwksUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`,
      cooldownMs: 0,
    },
    publish: (...next: SigningKey[]) => {
      keys = next;
    },
    breakDown: () => {
      broken = true;
    },
    asked: () => asked,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const nowS = () => Math.floor(Date.now() / 1000);
const claims = () => ({
  iss: issuer,
  aud: audience,
  sub: "press-hall",
  exp: nowS() + 60,
  scope: "openid read millrace:live",
  millrace_machines: ["mill-*"],
});

const sign = ({ kid, alg, privateKey }: SigningKey, changes: Record<string, unknown> = {}) =>
  new SignJWT({ ...claims(), ...changes }).setProtectedHeader({ alg, kid }).sign(privateKey);

async function whoIs(port: number, token: string) {
  using clients = openClients(port, token);
  return (await clients.access.whoAmI({})).principal;
}

test.each(["ES256", "RS256", "EdDSA"])(
  "a token signed with %s is let in with what its claims allow",
  async (alg) => {
    const key = await makeKey("one", alg);
    await using keys = await openIssuer(key);
    await using accessor = await openTestAccessor({ auth: { tokens: keys.tokens } });
    const principal = await whoIs(accessor.port, await sign(key));
    expect(principal).toMatchObject({
      id: `${issuer}#press-hall`,
      name: "press-hall",
      scopes: [1, 2],
      machines: ["mill-*"],
      producers: ["rest:*", "http:*"],
    });
  },
);

test("what is not right about a token keeps it out, and nothing tells what that was", async () => {
  const [key, other] = [await makeKey("one"), await makeKey("one")];
  await using keys = await openIssuer(key);
  await using accessor = await openTestAccessor({ auth: { tokens: keys.tokens } });
  const publicAsSecret = new TextEncoder().encode(JSON.stringify(key.jwk));
  const [head, , signature] = (await sign(key)).split(".");
  const forged = Buffer.from(JSON.stringify({ ...claims(), scope: "admin" })).toString("base64url");
  const bad = {
    expired: await sign(key, { exp: nowS() - 60 }),
    early: await sign(key, { nbf: nowS() + 600 }),
    "of another issuer": await sign(key, { iss: "https://other.example" }),
    "for another audience": await sign(key, { aud: "other" }),
    "for ever": await sign(key, { exp: undefined }),
    "of nobody": await sign(key, { sub: undefined }),
    "signed by another": await sign(other),
    "of an unknown key": await sign({ ...other, kid: "two" }),
    changed: `${head}.${forged}.${signature}`,
    unsigned: new UnsecuredJWT(claims()).encode(),
    "signed with a shared secret": await new SignJWT(claims())
      .setProtectedHeader({ alg: "HS256", kid: "one" })
      .sign(publicAsSecret),
    "no token": "a.b.c",
  };
  const messages = new Set<string>();
  for (const [name, token] of Object.entries(bad)) {
    const { reason, message } = await reasonOf(whoIs(accessor.port, token));
    expect([name, reason]).toEqual([name, "UNAUTHENTICATED"]);
    messages.add(message);
  }
  expect(messages.size).toBe(1);
  expect((await whoIs(accessor.port, await sign(key)))?.name).toBe("press-hall");
});

test("a new key of the issuer is fetched when it is first seen; one that is gone is not taken", async () => {
  const [first, second] = [await makeKey("first"), await makeKey("second")];
  await using keys = await openIssuer(first);
  await using accessor = await openTestAccessor({ auth: { tokens: keys.tokens } });
  await whoIs(accessor.port, await sign(first));
  await whoIs(accessor.port, await sign(first));
  expect(keys.asked()).toBe(1);
  keys.publish(second);
  expect((await whoIs(accessor.port, await sign(second)))?.name).toBe("press-hall");
  expect((await reasonOf(whoIs(accessor.port, await sign(first)))).reason).toBe("UNAUTHENTICATED");
});

test("an issuer that does not answer is not the caller's fault", async () => {
  const key = await makeKey("one");
  await using keys = await openIssuer(key);
  keys.breakDown();
  await using accessor = await openTestAccessor({ auth: { tokens: keys.tokens } });
  const told = await reasonOf(whoIs(accessor.port, await sign(key)));
  expect(told).toMatchObject({
    code: Code.Unavailable,
    reason: "ISSUER_UNAVAILABLE",
    retryDelay: { seconds: 1n },
  });
});

test("a token's end is the end of its feed", async () => {
  const key = await makeKey("one");
  await using keys = await openIssuer(key);
  await using accessor = await openTestAccessor({ auth: { tokens: keys.tokens } });
  using clients = openClients(accessor.port, await sign(key, { exp: nowS() + 2 }));
  const feed = clients.signals.watchSignals({})[Symbol.asyncIterator]();
  await feed.next();
  expect((await reasonOf(feed.next())).reason).toBe("UNAUTHENTICATED");
});

test("without an issuer no token is taken", async () => {
  await using accessor = await openTestAccessor({ auth: {} });
  const error = await whoIs(accessor.port, await sign(await makeKey("one"))).catch(
    ConnectError.from,
  );
  expect(error).toMatchObject({ code: Code.Unauthenticated });
});

test("claims that are missing, or are of another kind, allow nothing", () => {
  const bare = { iss: issuer, sub: "s", exp: 1 };
  expect(toPrincipal(bare)).toMatchObject({ scopes: [], machines: [], expiresMs: 1_000 });
  expect(
    toPrincipal({
      ...bare,
      scp: ["write", 1, "root"],
      millrace_machines: "a b\u202ec *",
      millrace_producers: [],
    }),
  ).toMatchObject({
    scopes: ["write"],
    machines: ["a", "*"],
    producers: [],
  });
  expect(
    toPrincipal({ ...bare, scope: { read: true }, millrace_machines: { "*": true } }),
  ).toMatchObject({
    scopes: [],
    machines: [],
  });
});

test("a token of another type is not one to call with; access tokens are", async () => {
  const key = await makeKey("one");
  await using keys = await openIssuer(key);
  await using accessor = await openTestAccessor({ auth: { tokens: keys.tokens } });
  const typed = (typ: string) =>
    new SignJWT(claims())
      .setProtectedHeader({ alg: key.alg, kid: key.kid, typ })
      .sign(key.privateKey);
  for (const typ of ["JWT", "jwt", "at+jwt", "application/at+jwt"])
    expect([typ, (await whoIs(accessor.port, await typed(typ)))?.name]).toEqual([
      typ,
      "press-hall",
    ]);
  for (const typ of ["logout+jwt", "dpop+jwt", "secevent+jwt", "", "application/json"])
    expect([typ, (await reasonOf(whoIs(accessor.port, await typed(typ)))).reason]).toEqual([
      typ,
      "UNAUTHENTICATED",
    ]);
});
