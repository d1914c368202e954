// The output of the programs when calls fail, at the most verbose log level: no password of the
// database, no key, no token.
import { createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { eventually } from "../testing/eventually.ts";
import { testDatabase } from "../testing/postgres.ts";
import { type Program, startAccessor, startGateway, startProgram } from "../testing/processes.ts";

const password = "pw-Zb7kQ2";
const key = `mr_0123456789ab_${"S3cr3t-".repeat(6)}x`;
const token = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ0MGszbiJ9.c2lnbmF0dXJl";
const talkative = { MILLRACE_LOG_LEVEL: "debug" };

const assertSilent = ({ lines }: Program) => {
  const said = lines.join("\n");
  for (const secret of [
    password,
    encodeURIComponent(password),
    key.slice(16),
    token.split(".")[1]!,
  ])
    expect(said).not.toContain(secret);
  return said;
};

test.each([
  ["accessor/main.ts", ["--listen", "127.0.0.1:0"]],
  ["accessor/commands/keys-command.ts", ["list"]],
  ["accessor/main.ts", ["--listen", "nonsense"]],
  ["accessor/main.ts", ["--help"]],
])(
  "%s %j: a database that cannot be had",
  async (file, args) => {
    // Listens, but does not speak the protocol of PostgreSQL.
    const deaf = createServer();
    await new Promise<void>((resolve) => deaf.listen(0, "127.0.0.1", resolve));
    const { port } = deaf.address() as AddressInfo;
    try {
      for (const host of [`127.0.0.1:${port}`, "127.0.0.1:1"]) {
        const DATABASE_URL = `postgres://u:${password}@${host}/d`;
        await using program = startProgram(file, args, { ...talkative, DATABASE_URL });
        await eventually("it says something", () => program.lines.length > 0);
        program.signal("SIGTERM");
        await program.ended;
        expect(assertSilent(program)).not.toBe("");
      }
    } finally {
      deaf.close();
    }
  },
  60_000,
);

test("the wrong password is not repeated", async () => {
  await using database = await testDatabase("empty");
  const url = new URL(database.url);
  url.password = password;
  await using program = startProgram("accessor/commands/keys-command.ts", ["list"], {
    ...talkative,
    DATABASE_URL: url.href,
  });
  await eventually("it says something", () => program.lines.length > 0);
  program.signal("SIGTERM");
  await program.ended;
  expect(assertSilent(program)).toMatch(/password|authentication/);
}, 60_000);

test("credentials in headers, URLs and bodies that are refused", async () => {
  await using database = await testDatabase();
  await using accessor = await startAccessor(database.url);
  await using gateway = await startGateway(accessor.url, "--log-level", "debug");
  for (const secret of [key, token]) {
    const ways: Record<string, string>[] = [
      { "x-api-key": secret },
      { authorization: `Bearer ${secret}` },
      { authorization: secret },
    ];
    for (const headers of ways) {
      for (const path of [
        `/machines?key=${secret}`,
        "/nowhere",
        "/signals/power?from=x",
        "/signals/power/live",
      ]) {
        const response = await fetch(gateway.url + path, { headers });
        await response.body?.cancel();
      }
      await fetch(`${gateway.url}/signals`, {
        method: "POST",
        headers: { ...headers, "content-type": "application/json" },
        body: `{"key":"${secret}"}`,
      });
    }
  }
  await eventually("the requests are in the log", () =>
    gateway.lines.join("").includes('"path":"/nowhere"'),
  );
  assertSilent(gateway);
  assertSilent(accessor);
}, 60_000);
