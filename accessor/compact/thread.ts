// The thread of compaction: a database pool and a catalog of its own, so that it shares nothing
// with the main thread. Started by beside.ts.
import { setPriority } from "node:os";
import { parentPort, workerData } from "node:worker_threads";
import { Epochs } from "../domain/epochs.ts";
import { Catalog } from "../store/catalog.ts";
import { openDatabase } from "../store/database.ts";
import { readEpochs } from "../store/identity.ts";
import { forgetLayout } from "../store/layout.ts";
import { readMoment } from "../store/log.ts";
import { startCompactor } from "./compactor.ts";
import { logTo } from "./thread-log.ts";
import type { FromThread, ThreadData } from "./thread-messages.ts";

if (parentPort === null) throw new Error("this is the thread of compaction: start the accessor");
const port = parentPort;
// On Linux this is the priority of this thread only; elsewhere it would be that of the process.
if (process.platform === "linux") setPriority(10);
const tell = (message: FromThread) => port.postMessage(message);
const { databaseUrl, epochs: known, ...options } = workerData as ThreadData;
const log = logTo((entry) => tell({ kind: "log", ...entry }));

await using stack = new AsyncDisposableStack();
// Rolling up hours makes a few reads at a time.
const database = stack.use(
  await openDatabase({ url: databaseUrl, isPrepared: true, maxReadConnections: 6, log }),
);
const catalog = new Catalog(database);
const epochs = new Epochs({
  epochs: known,
  read: () => readEpochs(database),
  // The main thread decides whether feeds continue. This thread only forgets the ids it knew.
  onMoved() {
    catalog.forget();
    forgetLayout(database);
  },
});
let clock = { databaseUs: 0, atMs: 0 };
const stopped = new Promise<void>((resolve) => port.once("message", () => resolve()));

stack.use(
  startCompactor({
    ...options,
    database,
    catalog,
    epochs,
    log,
    nowUs: () => Math.floor(clock.databaseUs + (performance.now() - clock.atMs) * 1000),
    async beforeStep(abort) {
      const { epoch, nowUs } = await readMoment(database, { abort });
      clock = { databaseUs: nowUs, atMs: performance.now() };
      await epochs.follow(epoch);
      await catalog.follow();
    },
    onProgress: (progress) => tell({ kind: "progress", progress }),
  }),
);
tell({ kind: "started" });
await stopped;
