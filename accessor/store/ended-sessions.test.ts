// Sessions that PostgreSQL ends while they are idle: opening an accessor fails with the reason, and
// the process survives.
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { expect, test } from "vitest";
import { testDatabase } from "../../test/testing/postgres.ts";
import { openTestAccessor } from "../testing/accessor.ts";
import { oneSample } from "../testing/batches.ts";

const readyForQuery = Buffer.from("Z\0\0\0\u0005I", "latin1");
const terminate = Buffer.from("X\0\0\0\u0004", "latin1");

/**
 * The message of a server that ends a session:
 * https://www.postgresql.org/docs/current/protocol-message-formats.html, ErrorResponse.
 */
function endedByAdministrator(): Buffer {
  const fields = Buffer.from(
    "SFATAL\0VFATAL\0C57P01\0Mterminating connection due to administrator command\0\0",
    "latin1",
  );
  const head = Buffer.from("E\0\0\0\0", "latin1");
  head.writeUInt32BE(fields.length + 4, 1);
  return Buffer.concat([head, fields]);
}

type Moment = "as soon as it is ready" | "as the client says goodbye";

/** Forwards to a port, and ends the nth session (1 is the first) at a given moment. */
async function openEndingProxy(port: number, moment: Moment, nth: number) {
  let sessions = 0;
  const server = createServer((client) => {
    const ends = ++sessions === nth;
    const upstream = connect(port, "127.0.0.1");
    client.on("error", () => {}).on("close", () => upstream.destroy());
    upstream.on("error", () => {}).on("close", () => client.destroySoon());
    const end = (before: Buffer) => {
      client.end(Buffer.concat([before, endedByAdministrator()]));
      upstream.destroy();
    };
    upstream.on("data", (bytes) => {
      const ready =
        ends &&
        moment === "as soon as it is ready" &&
        bytes.subarray(-readyForQuery.length).equals(readyForQuery);
      if (ready) end(bytes);
      else client.write(bytes);
    });
    client.on("data", (bytes) => {
      const goodbye = ends && moment === "as the client says goodbye" && bytes.equals(terminate);
      if (goodbye) end(Buffer.alloc(0));
      else upstream.write(bytes);
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as { port: number }).port,
    get sessions() {
      return sessions;
    },
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}

test.each<Moment>(["as soon as it is ready", "as the client says goodbye"])(
  "one ended %s",
  async (moment) => {
    await using own = await testDatabase();
    const url = new URL(own.url);
    const port = Number(url.port);
    await (await openTestAccessor({ databaseUrl: url.href }))[Symbol.asyncDispose]();
    const uncaught: unknown[] = [];
    const listeners = process.listeners("uncaughtException");
    process
      .removeAllListeners("uncaughtException")
      .on("uncaughtException", (error) => uncaught.push(error));
    try {
      for (let nth = 1, reached = true; reached && nth < 50; nth++) {
        await using proxy = await openEndingProxy(port, moment, nth);
        url.port = String(proxy.port);
        try {
          await using accessor = await openTestAccessor({ databaseUrl: url.href });
          await accessor.ingest.ingestBatch({
            producerId: `p${nth}`,
            sequence: 1n,
            batch: oneSample(nth),
          });
        } catch (error) {
          expect(String(error)).toMatch("the database does not answer right now; try again");
        }
        expect(uncaught).toEqual([]);
        reached = proxy.sessions >= nth;
        if (nth === 1) expect(reached).toBe(true);
      }
    } finally {
      process.removeAllListeners("uncaughtException");
      for (const listener of listeners) process.on("uncaughtException", listener);
    }
  },
);
