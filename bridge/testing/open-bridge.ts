// A bridge for tests: its flags as a user writes them, a mapping as text, an accessor that keeps
// what it gets.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { connectAsync, type MqttClient } from "mqtt";
import type { StubState } from "../../client/testing/ingest-stub.ts";
import { temporaryFolder } from "../../client/testing/spool.ts";
import { batchRows } from "../../codec/row/record-rows.ts";
import { readSettings } from "../../runtime/config.ts";
import { createLog } from "../../runtime/log.ts";
import { openBridge } from "../bridge.ts";
import { settings } from "../config.ts";

/** A folder with a mapping file, which may also hold a spool. */
export async function mappingFolder(toml: string) {
  const folder = await temporaryFolder();
  const mapping = join(folder.path, "mapping.toml");
  await writeFile(mapping, toml);
  return { ...folder, mapping, spool: join(folder.path, "spool") };
}

/** Opens a bridge; `lines` gets its log. */
export async function openTestBridge(
  flags: readonly string[],
  { output, lines = [] }: { output?: { write(text: string): unknown }; lines?: string[] } = {},
) {
  const given = readSettings({ name: "bridge", about: "", settings }, flags, {});
  return openBridge({
    settings: given,
    abort: new AbortController().signal,
    log: createLog({ name: "bridge", format: "json", sink: (line) => lines.push(line) }),
    ...(output === undefined ? {} : { output }),
  });
}

/** The stored records: machine, signal and value or state, in the order of arrival. */
export const storedIn = ({ stored }: StubState): string[] =>
  stored.flatMap((batch) =>
    [...batchRows(batch)].map(
      (row) => `${row.machine} ${row.signal} ${row["value"] ?? row["state"] ?? row["code"]}`,
    ),
  );

export async function openPublisher(url: string): Promise<
  AsyncDisposable & {
    readonly client: MqttClient;
    /** At QoS 1 unless another is given; resolves when the broker has acknowledged it. */
    send(
      topic: string,
      payload: string,
      more?: { qos?: 0 | 1 | 2; retain?: boolean },
    ): Promise<void>;
  }
> {
  const client = await connectAsync(url, { reconnectPeriod: 50, rejectUnauthorized: false });
  return {
    client,
    async send(topic, payload, more) {
      await client.publishAsync(topic, payload, { qos: 1, ...more });
    },
    [Symbol.asyncDispose]: () => client.endAsync(true),
  };
}
