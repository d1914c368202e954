// Slonik's connections, made by pg as all others are. Its own driver asks for the names of types
// first, on a client whose errors nobody hears: a session that PostgreSQL ended there ended the
// process with it.
import { createDriverFactory } from "@slonik/driver";
import { Client, type ClientConfig, types } from "pg";
import type { DriverFactory } from "slonik";
import { leavesUnusable } from "./errors.ts";
import { parserOf } from "./row-values.ts";

const int8 = 20;
const getTypeParser = (oid: number, format: "text") =>
  oid === int8 ? parserOf(oid) : types.getTypeParser(oid, format);

/**
 * For createPool's driverFactory. What it is given here holds, not what the pool's URL and options
 * say of sessions. check: fails if a connection that has just been opened is not to be used.
 */
export function pgDriver(
  config: ClientConfig,
  check: (client: Client) => Promise<void>,
): DriverFactory {
  return createDriverFactory(async () => ({
    async createPoolClient({ clientEventEmitter }) {
      const client = new Client({ ...config, types: { getTypeParser: getTypeParser as never } });
      // Slonik closes a connection on its first error. When it is closing, nobody hears any more,
      // and an unheard error would end the process.
      let report = (error: Error) => void clientEventEmitter.emit("error", error);
      const ignoreRest = () => {
        report = () => {};
      };
      client.on("error", (error) => report(error));
      return {
        async connect() {
          try {
            await client.connect();
            await check(client);
          } catch (error) {
            ignoreRest();
            void client.end().catch(() => {});
            throw error;
          }
        },
        end() {
          ignoreRest();
          return client.end();
        },
        async query(text, values, { name } = {}) {
          try {
            const { command, rowCount, rows, fields } = await client.query({
              text,
              values,
              ...(name && { name }),
            });
            const described = fields.map((field) => ({
              name: field.name,
              dataTypeId: field.dataTypeID,
            }));
            return { command: command as "SELECT", rowCount, rows, fields: described };
          } catch (error) {
            if (leavesUnusable(error)) report(error as Error);
            throw error;
          }
        },
        stream() {
          throw new Error("rows are not streamed through Slonik; see Database.read and copyOut");
        },
      };
    },
  }));
}
