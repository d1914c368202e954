// The bridge put together: a mapping, a broker, the spool and the way to the accessor. For main.ts
// and for tests.
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Uplink } from "../client/send/uplink.ts";
import { ConfigError } from "../runtime/config.ts";
import type { Running } from "../runtime/lifecycle.ts";
import type { Log } from "../runtime/log.ts";
import { assertConsistent, type BridgeSettings } from "./config.ts";
import { createRecordPrinter } from "./dry-run.ts";
import { loadMapping } from "./mapping/load-mapping.ts";
import type { Mapping } from "./mapping/mapping-file.ts";
import { type Connection, openConnection } from "./mqtt/connection.ts";
import { createMessageLetters, type MessageLetters } from "./mqtt/dead-letters.ts";
import { createIntake, createReceiveClock, type Intake } from "./mqtt/intake.ts";
import { createReader } from "./reading.ts";
import { createReport, createSkipLog } from "./report.ts";
import { createRecordStore, type RecordStore } from "./store/record-store.ts";
import { openSpooledUplink } from "./store/spooled-uplink.ts";

export type BridgeOptions = {
  settings: BridgeSettings;
  abort: AbortSignal;
  log: Log;
  /** Where --check and --dry-run write; default process.stdout. */
  output?: { write(text: string): unknown };
};

/** A running bridge. `done` rejects when nothing can be stored any more. */
export type Bridge = Running & {
  readonly uplink?: Uplink;
  readonly intake?: Intake;
  readonly connection?: Connection;
};

/** How long disposal waits for acks of the accessor. Less than the grace of the process. */
const closeMs = 3000;

/**
 * Reads the mapping and begins. Throws ConfigError for a wrong mapping, and for settings that do
 * not go together.
 */
export async function openBridge(options: BridgeOptions): Promise<Bridge> {
  const { settings, output = process.stdout } = options;
  const mapping = await loadMapping(settings.mapping);
  assertConsistent(settings, { sparkplug: mapping.sparkplug !== undefined });
  const { filters } = createReader(mapping, settings);
  if (filters.length === 0)
    throw new ConfigError([`${settings.mapping}: no topics: [opcua] is for npm run opcua`]);
  if (!settings.check)
    return settings.dryRun ? openDryRun(options, mapping) : open(options, mapping);
  output.write(
    `${settings.mapping} is correct. Topics:\n${filters.map((one) => `  ${one}\n`).join("")}`,
  );
  return { done: Promise.resolve(), async [Symbol.asyncDispose]() {} };
}

async function open({ settings, log }: BridgeOptions, mapping: Mapping): Promise<Bridge> {
  await using opened = new AsyncDisposableStack();
  const tls = await readTls(settings);
  const uplink = await openSpooledUplink(settings, log);
  opened.defer(() => uplink.close({ waitMs: closeMs }).then(() => {}));
  const path = settings.messageLetters ?? join(settings.spoolDir!, "unreadable.ndjson");
  const letters = opened.use(createMessageLetters({ path, log }));
  const { promise: done, reject } = Promise.withResolvers<never>();
  // A caller that ignores `done` must not crash from an unhandled rejection.
  done.catch(() => {});
  const { failed } = uplink;
  if (failed.aborted) reject(failed.reason);
  failed.addEventListener("abort", () => reject(failed.reason), { once: true });
  const stop = new AbortController();
  const store = createRecordStore({
    append: (batch) => uplink.append(batch, { abort: stop.signal }),
    batchIntervalMs: settings.batchIntervalMs,
    onFailure: (error) => {
      if (!stop.signal.aborted) reject(error);
    },
  });
  const clientId = settings.clientId ?? `millrace-${uplink.producerId}`;
  const sessionSeconds = Math.ceil(settings.sessionExpiryMs / 1000);
  const session = { clientId, sessionSeconds, share: settings.share, tls };
  const { connection, intake } = connectIntake({ settings, mapping, log, store, letters, session });
  const report = createReport({ log, intake, connection, uplink });
  const owned = opened.move();
  return {
    done,
    uplink,
    intake,
    connection,
    async [Symbol.asyncDispose]() {
      report[Symbol.dispose]();
      connection.stopTaking();
      // What waits for room in a full spool stays with the broker.
      const patience = setTimeout(() => stop.abort(new Error("the bridge is closed")), flushMs);
      await store.flush();
      clearTimeout(patience);
      // What is on disk now is acknowledged before the connection ends.
      await new Promise(setImmediate);
      stop.abort(new Error("the bridge is closed"));
      await connection[Symbol.asyncDispose]();
      await owned.disposeAsync();
    },
  };
}

/** How long disposal waits for the disk. */
const flushMs = 500;

async function openDryRun(options: BridgeOptions, mapping: Mapping): Promise<Bridge> {
  const { settings, log, output = process.stdout } = options;
  const { store, letters } = createRecordPrinter(output);
  const clientId = `millrace-dry-run-${randomBytes(4).toString("hex")}`;
  const tls = await readTls(settings);
  const session = { clientId, sessionSeconds: undefined, share: undefined, tls };
  const { connection, intake } = connectIntake({ settings, mapping, log, store, letters, session });
  return { intake, connection, [Symbol.asyncDispose]: () => connection[Symbol.asyncDispose]() };
}

type Session = Parameters<typeof openConnection>[0];

function connectIntake(given: {
  settings: BridgeSettings;
  mapping: Mapping;
  log: Log;
  store: Pick<RecordStore, "add">;
  letters: Pick<MessageLetters, "write">;
  session: Pick<Session, "clientId" | "sessionSeconds" | "share" | "tls">;
}): { connection: Connection; intake: Intake } {
  const { settings, mapping, log, store, letters, session } = given;
  const reader = createReader(mapping, settings);
  const intake = createIntake({
    read: reader.read,
    store,
    letters,
    receiveUs: createReceiveClock(),
    inFlight: settings.inFlight,
    // A dry run must not make nodes do anything.
    publish: (topic, payload) => {
      if (!settings.dryRun) connection.publish(topic, payload);
    },
    onSkipped: createSkipLog(log),
  });
  const connection: Connection = openConnection({
    ...session,
    broker: settings.broker,
    username: settings.brokerUser,
    password: settings.brokerPassword,
    version: settings.mqttVersion,
    filters: reader.filters,
    inFlight: settings.inFlight,
    onMessage: ({ topic, payload, qos, messageId, retain, dup }, ack) =>
      intake.take({ topic, payload: Buffer.from(payload), qos, messageId, retain, dup }, ack),
    onConnect: ({ resumed }) => {
      if (!resumed) intake.newSession();
    },
    log,
  });
  return { connection, intake };
}

/** The PEM files for the broker. They are read at the start. */
async function readTls({
  brokerCa,
  brokerCert,
  brokerKey,
}: BridgeSettings): Promise<Session["tls"]> {
  const read = (flag: string, path: string | undefined) =>
    path === undefined
      ? undefined
      : readFile(path).catch((error: Error) => {
          throw new ConfigError([`--${flag}: ${error.message}`]);
        });
  const [ca, cert, key] = await Promise.all([
    read("broker-ca", brokerCa),
    read("broker-cert", brokerCert),
    read("broker-key", brokerKey),
  ]);
  return { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) };
}
