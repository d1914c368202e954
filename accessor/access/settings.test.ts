// What --auth and the settings of tokens come to, and which of them make no sense together.
import { expect, test } from "vitest";
import { assertListenAllowed, ConfigError, readSettings } from "../../runtime/config.ts";
import { accessorSettings, toAuth } from "../config.ts";

const read = (...argv: string[]) => {
  const env = { DATABASE_URL: "postgres://127.0.0.1/x" };
  return readSettings({ name: "accessor", about: "", settings: accessorSettings }, argv, env);
};
const issuer = ["--jwt-issuer", "https://i.example", "--jwt-audience", "millrace"];
const keysUrl = ["--jwt-jwks-url", "https://i.example/keys"];

test("authentication is off unless it is turned on", () => {
  expect(toAuth(read())).toBeUndefined();
  expect(toAuth(read("--auth", "keys"))).toEqual({});
  const tokens = { issuer: "https://i.example", audience: "millrace", jwksUrl: "https://i.example/keys" };
  expect(toAuth(read("--auth", "keys", ...issuer, ...keysUrl))).toEqual({ tokens });
  const local = ["--jwt-jwks-url", "http://127.0.0.1:1/keys"];
  expect(toAuth(read("--auth", "keys", ...issuer, ...local))?.tokens?.jwksUrl).toBe("http://127.0.0.1:1/keys");
});

test.each([
  ["tokens without authentication", [...issuer, ...keysUrl]],
  ["an issuer without its keys", ["--auth", "keys", ...issuer]],
  ["keys of nobody", ["--auth", "keys", ...keysUrl]],
  ["keys over http from elsewhere", ["--auth", "keys", ...issuer, "--jwt-jwks-url", "http://i.example/keys"]],
  [
    "keys over http from what only looks local",
    ["--auth", "keys", ...issuer, "--jwt-jwks-url", "http://127.0.0.1.i.example/keys"],
  ],
])("%s is a mistake", (_, argv) => {
  expect(() => toAuth(read(...argv))).toThrow(ConfigError);
});

test("listening beyond this machine has to be meant: the message says what is lacking", () => {
  const settings = read("--listen", "0.0.0.0:0");
  expect(() => assertListenAllowed(settings)).toThrow(/no authentication and no encryption/);
  expect(() => assertListenAllowed({ ...settings, authenticates: true })).toThrow(/there is no encryption/);
  assertListenAllowed(read("--listen", "0.0.0.0:0", "--insecure-listen"));
});
