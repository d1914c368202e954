// Slonik's connections, made by pg like all others. Slonik's own driver first reads the names of
// types, on a client without an error listener: if PostgreSQL ended the session there, the process
// ended too.
import { createDriverFactory } from "@slonik/driver";
import { Client, type ClientConfig, types } from "pg";
import type { DriverFactory } from "slonik";
import { leavesUnusable } from "./errors.ts";
import { parserOf } from "./row-values.ts";

const int8 = 20;
const getTypeParser = (oid: number, format: "text") =>
  oid === int8 ? parserOf(oid) : types.getTypeParser(oid, format);

/**
 * For createPool's driverFactory. Its arguments apply, not the pool's URL and options for sessions.
 * check: fails if a connection that has just been opened must not be used.
 */
export function pgDriver(
  config: ClientConfig,
  check: (client: Client) => Promise<void>,
): DriverFactory {
  return createDriverFactory(async () => ({
    async createPoolClient({ clientEventEmitter }) {
      const client = new Client({ ...config, types: { getTypeParser: getTypeParser as never } });
      // Slonik closes a connection on its first error. While it closes, nothing else listens for
      // errors, and an unhandled error would end the process.
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
