// What may be called by whom: globs, keys, credentials, the matrix, and the lines about refusals.
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { createRefusalAudit } from "./audit.ts";
import { readCredential } from "./credential.ts";
import { fitsGlob, isGlob } from "./glob.ts";
import { createKey, digestOf, matchesDigest, parseKey } from "./key.ts";
import { allowsCall, listedMethods, requirementOf } from "./matrix.ts";
import {
  allowedMachines,
  allowsProducer,
  everyone,
  type Principal,
  scopes,
  visibleMachinesKey,
} from "./principal.ts";

const principal: Principal = {
  ...everyone,
  id: "k",
  scopes: ["read"],
  machines: ["mill-*"],
  producers: ["line-1"],
};

test("a glob fits as its regular expression does", () => {
  const text = fc.string({ unit: fc.constantFrom("a", "b", ".", "-"), maxLength: 8 });
  const glob = fc.string({ unit: fc.constantFrom("a", "b", ".", "*"), maxLength: 8 });
  fc.assert(
    fc.property(glob, text, (pattern, name) => {
      const source = pattern.replaceAll(".", "\\.").replaceAll("*", ".*");
      expect(fitsGlob(pattern, name)).toBe(new RegExp(`^${source}$`).test(name));
    }),
    { numRuns: 2_000 },
  );
});

test("a glob of many stars takes no time to speak of", () => {
  const startedMs = performance.now();
  expect(fitsGlob("*a".repeat(80), `${"a".repeat(127)}b`)).toBe(false);
  expect(performance.now() - startedMs).toBeLessThan(100);
  expect(isGlob("mill-*")).toBe(true);
  for (const bad of ["", "a b", "a/b", "ä", "[a-z]", "a".repeat(161)])
    expect(isGlob(bad)).toBe(false);
});

test("a key is read back, differs each time, and only its own secret matches its digest", () => {
  const [one, other] = [createKey(), createKey()];
  const { id, secret } = parseKey(one.text)!;
  expect(id).toBe(one.id);
  expect(Buffer.from(secret, "base64url").length).toBe(32);
  expect(one.text).not.toBe(other.text);
  expect(matchesDigest(secret, one.digest)).toBe(true);
  expect(matchesDigest(secret, other.digest)).toBe(false);
  expect(matchesDigest(secret, undefined)).toBe(false);
  expect(one.digest.includes(secret)).toBe(false);
  expect(digestOf(secret)).toEqual(one.digest);
});

test("digests are compared in constant time", () => {
  const source = readFileSync(new URL("./key.ts", import.meta.url), "utf8");
  expect(source).toMatch(/timingSafeEqual\(digestOf\(secret\), digest \?\? nobodys\)/);
});

test("what is not a key's text is none", () => {
  const { text } = createKey();
  for (const bad of [
    "",
    "mr_",
    text.slice(1),
    `${text}a`,
    text.slice(0, -1),
    text.toUpperCase(),
    ` ${text}`,
  ])
    expect(parseKey(bad)).toBeUndefined();
});

const credentialOf = (headers: Record<string, string>) => readCredential((name) => headers[name]);

test("a credential comes as a bearer or as x-api-key", () => {
  expect(credentialOf({})).toBeUndefined();
  expect(credentialOf({ authorization: "Bearer abc" })).toBe("abc");
  expect(credentialOf({ authorization: "bearer  abc " })).toBe("abc");
  expect(credentialOf({ "x-api-key": "abc" })).toBe("abc");
  expect(credentialOf({ authorization: "Bearer abc", "x-api-key": "abc" })).toBe("abc");
});

test.each([
  { authorization: "Basic abc" },
  { authorization: "Bearer" },
  { authorization: "Bearer a b" },
  { authorization: "Bearer a, Bearer b" },
  { authorization: "Bearer abc", "x-api-key": "other" },
  { "x-api-key": "a".repeat(8_193) },
  { "x-api-key": "a, b" },
  { "x-api-key": "schlüssel" },
])("what cannot be a credential is a bad one, not none: %o", (headers) => {
  expect(credentialOf(headers as Record<string, string>)).toBe("");
});

test("each scope allows its own methods and no others; admin allows all", () => {
  for (const path of listedMethods) {
    const needed = requirementOf(path);
    for (const scope of scopes) {
      const free = needed === "none" || needed === "any";
      const allowed = allowsCall({ ...principal, scopes: [scope] }, path) === undefined;
      expect([path, scope, allowed]).toEqual([
        path,
        scope,
        free || scope === needed || scope === "admin",
      ]);
    }
  }
});

test("a method that is not listed is refused to everyone", () => {
  expect(allowsCall(everyone, "/millrace.v1.SignalService/DropEverything")?.reason).toBe(
    "PERMISSION_DENIED",
  );
  expect(allowsCall(everyone, "constructor")?.reason).toBe("PERMISSION_DENIED");
});

test("a principal sees its machines and writes under its producers' names", () => {
  const sees = allowedMachines(principal)!;
  expect([sees("mill-1"), sees("press-1"), sees("mill-")]).toEqual([true, false, true]);
  expect(allowedMachines(everyone)).toBeUndefined();
  expect(allowedMachines({ ...principal, machines: [] })!("mill-1")).toBe(false);
  expect([allowsProducer(principal, "line-1"), allowsProducer(principal, "line-10")]).toEqual([
    true,
    false,
  ]);
  // Those of the gateway's naming need no pattern; what only looks a little like one does.
  const ids = ["rest:1", `http:${"0".repeat(40)}`, "rest", "http", "x.rest:1", "line-10.live"];
  expect(ids.map((id) => allowsProducer(principal, id))).toEqual([
    true,
    true,
    false,
    false,
    false,
    false,
  ]);
  expect(visibleMachinesKey({ ...principal, machines: ["b", "a", "b"] })).toBe(
    visibleMachinesKey({ ...principal, machines: ["a", "b"] }),
  );
  expect(visibleMachinesKey(principal)).not.toBe(
    visibleMachinesKey({ ...principal, machines: [] }),
  );
});

test("a flood of refusals becomes a count", () => {
  let nowMs = 0;
  const lines: [string, Readonly<Record<string, unknown>>][] = [];
  const audit = createRefusalAudit({
    write: (...line) => lines.push(line),
    monotonicMs: () => nowMs,
    maxPerSecond: 2,
  });
  for (let i = 0; i < 5; i++) audit({ method: "/a/B", reason: "UNAUTHENTICATED" });
  expect(lines.length).toBe(2);
  nowMs = 1_000;
  audit({ method: "/a/B", reason: "UNAUTHENTICATED" });
  expect(lines.slice(2).map(([, { count }]) => count)).toEqual([3, undefined]);
});
