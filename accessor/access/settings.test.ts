// What --auth and the settings of tokens come to, and which of them make no sense together.
import { expect, test } from "vitest";
import { ConfigError, readSettings } from "../../runtime/config.ts";
import { assertListenAllowed } from "../../runtime/tls/listening.ts";
import { accessorSettings, toAuth, toCertificateRules } from "../config.ts";

const read = (...argv: string[]) => {
  const env = { DATABASE_URL: "postgres://127.0.0.1/x" };
  return readSettings({ name: "accessor", about: "", settings: accessorSettings }, argv, env);
};
const issuer = ["--jwt-issuer", "https://i.example", "--jwt-audience", "millrace"];
const keysUrl = ["--jwt-jwks-url", "https://i.example/keys"];

test("authentication is off unless it is turned on", () => {
  expect(toAuth(read())).toBeUndefined();
  expect(toAuth(read("--auth", "keys"))).toEqual({});
  const tokens = {
    issuer: "https://i.example",
    audience: "millrace",
    jwksUrl: "https://i.example/keys",
  };
  expect(toAuth(read("--auth", "keys", ...issuer, ...keysUrl))).toEqual({ tokens });
  const local = ["--jwt-jwks-url", "http://127.0.0.1:1/keys"];
  expect(toAuth(read("--auth", "keys", ...issuer, ...local))?.tokens?.jwksUrl).toBe(
    "http://127.0.0.1:1/keys",
  );
});

test.each([
  ["tokens without authentication", [...issuer, ...keysUrl]],
  ["an issuer without its keys", ["--auth", "keys", ...issuer]],
  ["keys of nobody", ["--auth", "keys", ...keysUrl]],
  [
    "keys over http from elsewhere",
    ["--auth", "keys", ...issuer, "--jwt-jwks-url", "http://i.example/keys"],
  ],
  [
    "keys over http from what only looks local",
    ["--auth", "keys", ...issuer, "--jwt-jwks-url", "http://127.0.0.1.i.example/keys"],
  ],
])("%s is a mistake", (_, argv) => {
  expect(() => toAuth(read(...argv))).toThrow(ConfigError);
});

test("listening beyond this machine has to be meant: the message says what is lacking, and a flag is good for that only", () => {
  const beyond = (...argv: string[]) => read("--listen", "0.0.0.0:0", ...argv);
  const pair = ["--tls-cert", "a.crt", "--tls-key", "a.key"];
  const off = { authenticates: false };
  const on = { authenticates: true };
  expect(() => assertListenAllowed(beyond(), off)).toThrow(/no encryption.*\n.*no authentication/);
  expect(() => assertListenAllowed(beyond("--listen-without-tls"), off)).toThrow(
    /^[^\n]*no authentication[^\n]*$/,
  );
  expect(() => assertListenAllowed(beyond("--listen-without-authentication"), off)).toThrow(
    /^[^\n]*no encryption[^\n]*$/,
  );
  expect(() => assertListenAllowed(beyond(), on)).toThrow(/^[^\n]*no encryption[^\n]*$/);
  expect(() => assertListenAllowed(beyond(...pair), off)).toThrow(
    /^[^\n]*no authentication[^\n]*$/,
  );
  assertListenAllowed(beyond("--listen-without-tls", "--listen-without-authentication"), off);
  assertListenAllowed(beyond("--listen-without-tls"), on);
  assertListenAllowed(beyond(...pair), on);
  assertListenAllowed(beyond(...pair, "--tls-client-ca", "ca.crt"), off);
});

test("names in certificates need an authority that makes them true", () => {
  const ca = ["--tls-client-ca", "ca.crt"];
  const names = [
    "--tls-client-name",
    "gateway",
    "--tls-producer-name",
    "mill-*",
    "--tls-producer-name",
    "press-*",
  ];
  const rules = { clientNames: ["gateway"], producerNames: ["mill-*", "press-*"] };
  expect(toCertificateRules(read(...ca, ...names))).toEqual(rules);
  expect(toCertificateRules(read(...ca))).toEqual({ clientNames: [], producerNames: [] });
  expect(() => toCertificateRules(read("--tls-client-name", "gateway"))).toThrow(/--tls-client-ca/);
  expect(() => toCertificateRules(read("--tls-producer-name", "mill-*"))).toThrow(
    /--tls-client-ca/,
  );
  expect(() => read("--tls-client-name", "Gateway")).toThrow(/lower case/);
  expect(
    toCertificateRules(read(...ca, "--tls-client-name", "spiffe://plant/Mill-*")).clientNames,
  ).toHaveLength(1);
});
