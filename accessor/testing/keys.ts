// For tests: keys in a database, and clients that send them.
import { createClient } from "@connectrpc/connect";
import { AccessService } from "#gen/millrace/v1/access_service_pb.ts";
import { IngestService } from "#gen/millrace/v1/ingest_service_pb.ts";
import { MachineService } from "#gen/millrace/v1/machine_service_pb.ts";
import { SignalService } from "#gen/millrace/v1/signal_service_pb.ts";
import type { Scope } from "../../access/principal.ts";
import { createGrpcTransport } from "../../runtime/grpc/transport.ts";
import { createLog, type Log } from "../../runtime/log.ts";
import { type CommandContext, createCommand } from "../commands/key-actions.ts";
import { openDatabase } from "../store/database.ts";

export type KeyFixture = AsyncDisposable & {
  readonly context: CommandContext;
  /** The output of the commands. */
  readonly printed: string[];
  /** The text of a new key; for every machine and producer, unless options restrict it. */
  create(key: {
    scope: Scope[];
    machine?: string[];
    producer?: string[];
    expires?: number;
  }): Promise<string>;
};

/** In a database that exists or does not. */
export async function openKeyFixture(
  url: string,
  log: Log = createLog({ name: "keys", level: "silent" }),
): Promise<KeyFixture> {
  const database = await openDatabase({ url, log });
  const printed: string[] = [];
  const context: CommandContext = { database, log, print: (line) => printed.push(line) };
  return {
    context,
    printed,
    async create({ scope, machine = ["*"], producer = ["*"], expires }) {
      await createCommand({ name: "test", scope, machine, producer, expires }, context);
      return printed.at(-1)!;
    },
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  };
}

export const idOf = (key: string): string => key.split("_")[1]!;

/** Clients that send a credential with every call, or none. */
export function openClients(port: number, credential?: string) {
  const headers =
    credential === undefined ? {} : { headers: { authorization: `Bearer ${credential}` } };
  const transport = createGrpcTransport({ baseUrl: `http://127.0.0.1:${port}`, ...headers });
  return {
    transport,
    access: createClient(AccessService, transport),
    signals: createClient(SignalService, transport),
    ingest: createClient(IngestService, transport),
    machines: createClient(MachineService, transport),
    [Symbol.dispose]: () => transport[Symbol.dispose](),
  };
}
