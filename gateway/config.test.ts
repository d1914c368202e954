// Which addresses may listen with which protection.
import { expect, test } from "vitest";
import { ConfigError, readSettings } from "../runtime/config.ts";
import { toClientFiles } from "../runtime/tls/dialing.ts";
import { assertListenAllowed, toServerFiles } from "../runtime/tls/listening.ts";
import { gatewaySettings } from "./config.ts";

const off = { authenticates: false };
const both = ["--listen-without-tls", "--listen-without-authentication"];
const read = (argv: string[], env = {}) =>
  readSettings({ name: "gateway", about: "", settings: gatewaySettings }, argv, env);

test("by default it shows itself to this machine", () => {
  const settings = read([]);
  expect(settings).toMatchObject({
    listen: { host: "127.0.0.1", port: 8080 },
    accessor: "http://127.0.0.1:50051",
  });
  assertListenAllowed(settings, off);
});

test.each(["127.0.0.1:0", "127.8.9.1:80", "localhost:80", "[::1]:80"])(
  "%s is this machine",
  (address) => assertListenAllowed(read(["--listen", address]), off),
);

test.each(["0.0.0.0:80", "[::]:80", "10.0.0.1:80", "127.evil.example:80", "[::ffff:10.0.0.1]:80"])(
  "%s is not, and what lacks has to be done without by name",
  (address) => {
    expect(() => assertListenAllowed(read(["--listen", address]), off)).toThrow(ConfigError);
    expect(() => assertListenAllowed(read(["--listen", address]), off)).toThrow(
      /--listen-without-tls/,
    );
    assertListenAllowed(read(["--listen", address, ...both]), off);
    const env = {
      MILLRACE_LISTEN_WITHOUT_TLS: "true",
      MILLRACE_LISTEN_WITHOUT_AUTHENTICATION: "true",
    };
    assertListenAllowed(read([], { MILLRACE_HTTP_LISTEN: address, ...env }), off);
  },
);

test("a certificate goes with its key, and clients' authorities with both", () => {
  expect(toServerFiles(read([]))).toBeUndefined();
  for (const argv of [
    ["--tls-cert", "a"],
    ["--tls-key", "a"],
    ["--tls-client-ca", "a"],
  ])
    expect(() => toServerFiles(read(argv))).toThrow(/must be given together/);
  const files = { cert: "a", key: "b", ca: "c" };
  expect(
    toServerFiles(read(["--tls-cert", "a", "--tls-key", "b", "--tls-client-ca", "c"])),
  ).toEqual(files);
});

test("what is shown to the accessor goes with its key, and with https", () => {
  const files = (...argv: string[]) => {
    const settings = read(argv);
    return toClientFiles("accessor", { ...settings, url: settings.accessor });
  };
  const https = ["--accessor", "https://a:1"];
  expect(files(...https)).toBeUndefined();
  expect(files(...https, "--accessor-ca", "ca")).toEqual({ ca: "ca" });
  expect(files(...https, "--accessor-cert", "c", "--accessor-key", "k")).toEqual({
    cert: "c",
    key: "k",
  });
  expect(() => files(...https, "--accessor-cert", "c")).toThrow(/must be given together/);
  expect(() => files("--accessor-ca", "ca")).toThrow(/https/);
});
