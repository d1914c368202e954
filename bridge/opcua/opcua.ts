// The bridge from OPC UA put together: a mapping, a server, the spool and the way to the accessor.
// For main.ts and for tests.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { OPCUACertificateManager } from "node-opcua-certificate-manager";
import { setDebugLogger, setErrorLogger, setTraceLogger, setWarningLogger } from "node-opcua-debug";
import { ConfigError } from "../../runtime/config.ts";
import type { Running } from "../../runtime/lifecycle.ts";
import type { Log } from "../../runtime/log.ts";
import { createRecordPrinter } from "../dry-run.ts";
import { loadMapping } from "../mapping/load-mapping.ts";
import type { OpcuaMapping } from "../mapping/opcua-section.ts";
import { createRecordStore } from "../store/record-store.ts";
import { openSpooledUplink } from "../store/spooled-uplink.ts";
import { assertConsistent, type OpcuaSettings } from "./config.ts";
import { createIntake, type Intake } from "./intake.ts";
import { type Watching, watchServer } from "./reconnecting.ts";

export type OpcuaOptions = {
  settings: OpcuaSettings;
  log: Log;
  /** Where --check and --dry-run write; default process.stdout. */
  output?: { write(text: string): unknown };
};

/** A running bridge. `done` rejects when nothing can be stored any more. */
export type OpcuaBridge = Running & {
  readonly intake?: Intake;
  readonly server?: Watching;
};

/** How long disposal waits for acks of the accessor, and for the disk. */
const closeMs = 3_000;
const reportMs = 60_000;

/** Throws ConfigError for a wrong mapping, and for settings that do not go together. */
export async function openOpcua(options: OpcuaOptions): Promise<OpcuaBridge> {
  const { settings, output = process.stdout } = options;
  assertConsistent(settings);
  const { opcua: mapping } = await loadMapping(settings.mapping);
  if (mapping === undefined)
    throw new ConfigError([`${settings.mapping}: [[opcua.nodes]] is missing: the nodes to watch`]);
  if (settings.check) {
    const nodes = mapping.nodes.map(({ nodeId }) => `  ${nodeId}\n`).join("");
    output.write(`${settings.mapping} is correct. Nodes:\n${nodes}`);
    return { done: Promise.resolve(), async [Symbol.asyncDispose]() {} };
  }
  return settings.dryRun ? openDryRun(options, mapping) : open(options, mapping);
}

async function openDryRun(options: OpcuaOptions, mapping: OpcuaMapping): Promise<OpcuaBridge> {
  const { store } = createRecordPrinter(options.output ?? process.stdout);
  const intake = createIntake({ mapping, store, log: options.log });
  const server = await watch(options, { mapping, intake });
  return { intake, server, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

async function open(options: OpcuaOptions, mapping: OpcuaMapping): Promise<OpcuaBridge> {
  const { settings, log } = options;
  await using opened = new AsyncDisposableStack();
  const uplink = await openSpooledUplink(settings, log);
  opened.defer(() => uplink.close({ waitMs: closeMs }).then(() => {}));
  const { promise: done, reject } = Promise.withResolvers<never>();
  // A caller that ignores `done` must not crash from an unhandled rejection.
  done.catch(() => {});
  uplink.failed.addEventListener("abort", () => reject(uplink.failed.reason), { once: true });
  const stop = new AbortController();
  const store = createRecordStore({
    append: (batch) => uplink.append(batch, { abort: stop.signal }),
    batchIntervalMs: settings.batchIntervalMs,
    onFailure: (error) => {
      if (!stop.signal.aborted) reject(error);
    },
  });
  const intake = createIntake({ mapping, store, log });
  const server = await watch(options, { mapping, intake });
  const report = setInterval(() => {
    const { ackedRecords, heldRecords, rejectedRecords, connected } = uplink.status;
    const { watching } = server;
    const acks = { accessorConnected: connected, ackedRecords, heldRecords, rejectedRecords };
    log.info("bridge", { ...intake.counts, watching, ...acks });
  }, reportMs);
  report.unref();
  const owned = opened.move();
  return {
    done,
    intake,
    server,
    async [Symbol.asyncDispose]() {
      clearInterval(report);
      await server[Symbol.asyncDispose]();
      const patience = setTimeout(() => stop.abort(new Error("the bridge is closed")), closeMs / 3);
      await store.flush();
      clearTimeout(patience);
      stop.abort(new Error("the bridge is closed"));
      await owned.disposeAsync();
    },
  };
}

async function watch(
  { settings, log }: OpcuaOptions,
  { mapping, intake }: { mapping: OpcuaMapping; intake: Intake },
): Promise<Watching> {
  const { endpoint, security, user, password = "", silenceMs } = settings;
  await using opened = new AsyncDisposableStack();
  const certificates = new OPCUACertificateManager({
    rootFolder: await certificateFolder(settings, opened),
    automaticallyAcceptUnknownCertificate: false,
  });
  await certificates.initialize();
  opened.defer(() => certificates.dispose());
  takeLogOfLibrary(log);
  const server = opened.use(
    watchServer(
      {
        endpoint,
        security,
        user: user === undefined ? undefined : { name: user, password },
        certificates,
        mapping,
        silenceMs,
      },
      {
        onValue: (index, value) => intake.take(index, value),
        onRefused(index, why) {
          const { nodeId } = mapping.nodes[index]!;
          log.error("the server does not watch a node", { node: nodeId, why });
        },
      },
      { log },
    ),
  );
  const owned = opened.move();
  return {
    get watching() {
      return server.watching;
    },
    get ends() {
      return server.ends;
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** The library needs a folder even without security. */
async function certificateFolder(
  { certificates, spoolDir }: OpcuaSettings,
  opened: AsyncDisposableStack,
): Promise<string> {
  if (certificates !== undefined) return certificates;
  if (spoolDir !== undefined) return join(spoolDir, "opcua");
  const folder = await mkdtemp(join(tmpdir(), "millrace-opcua-"));
  opened.defer(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** The library would write to standard output. */
function takeLogOfLibrary(log: Log): void {
  const write = (...words: unknown[]) =>
    log.debug("node-opcua", { text: words.map(String).join(" ").slice(0, 1_000) });
  for (const set of [setTraceLogger, setDebugLogger, setWarningLogger, setErrorLogger]) set(write);
}
