// Who may listen where.
import { expect, test } from "vitest";
import { assertListenAllowed, ConfigError, readSettings } from "../runtime/config.ts";
import { gatewaySettings } from "./config.ts";

const read = (argv: string[], env = {}) =>
  readSettings({ name: "gateway", about: "", settings: gatewaySettings }, argv, env);

test("by default it shows itself to this machine", () => {
  const settings = read([]);
  expect(settings).toMatchObject({ listen: { host: "127.0.0.1", port: 8080 }, accessor: "http://127.0.0.1:50051" });
  assertListenAllowed(settings);
});

test.each(["127.0.0.1:0", "127.8.9.1:80", "localhost:80", "[::1]:80"])("%s is this machine", (address) =>
  assertListenAllowed(read(["--listen", address])),
);

test.each(["0.0.0.0:80", "[::]:80", "10.0.0.1:80", "127.evil.example:80", "[::ffff:10.0.0.1]:80"])(
  "%s is not, and has to be allowed by name",
  (address) => {
    expect(() => assertListenAllowed(read(["--listen", address]))).toThrow(ConfigError);
    expect(() => assertListenAllowed(read(["--listen", address]))).toThrow(/--insecure-listen/);
    assertListenAllowed(read(["--listen", address, "--insecure-listen"]));
    assertListenAllowed(read([], { MILLRACE_HTTP_LISTEN: address, MILLRACE_INSECURE_LISTEN: "true" }));
  },
);
