// Which settings of a TLS client go together.
import { expect, test } from "vitest";
import { ConfigError, readSettings } from "../config.ts";
import { dialingSettings, toClientFiles } from "./dialing.ts";

const read = (url: string, ...argv: string[]) =>
  toClientFiles("server", {
    url,
    ...readSettings({ name: "t", about: "", settings: dialingSettings("server") }, argv, {}),
  });

test("files are what the flags name; without any there are none", () => {
  expect(read("http://x:1")).toBeUndefined();
  expect(read("https://x:1")).toBeUndefined();
  expect(read("https://x:1", "--server-ca", "ca.crt")).toEqual({ ca: "ca.crt" });
  const all = ["--server-ca", "ca.crt", "--server-cert", "a.crt", "--server-key", "a.key"];
  expect(read("https://x:1", ...all)).toEqual({ ca: "ca.crt", cert: "a.crt", key: "a.key" });
});

test.each([
  ["certificates in the clear", ["http://x:1", "--server-ca", "ca.crt"], "require an https URL"],
  [
    "a certificate without its key",
    ["https://x:1", "--server-cert", "a.crt"],
    "must be given together",
  ],
  [
    "a key without its certificate",
    ["https://x:1", "--server-key", "a.key"],
    "must be given together",
  ],
])("%s are a mistake", (_, [url = "", ...argv], why) => {
  expect(() => read(url, ...argv)).toThrow(ConfigError);
  expect(() => read(url, ...argv)).toThrow(why);
});
