// Replaces the thread of compaction in tests: reports its input, then starts on some rows and fails
// because of them, or in another way that the test names.
import { parentPort, workerData } from "node:worker_threads";
import type { FromThread, ThreadData } from "../compact/thread-messages.ts";

const { before, databaseUrl: way } = workerData as ThreadData;
const tell = (message: FromThread) => parentPort!.postMessage(message);
tell({ kind: "log", level: "info", message: "begun", fields: { before } });
const attempts = { rows: (before?.attempts.rows ?? 16) / 2, failures: 0, heldInRow: 0 };
tell({
  kind: "progress",
  progress: {
    attempts,
    inHand: {
      from: 1,
      first: 2,
      rows: 3,
      oneCommit: false,
      epoch: 1,
      held: undefined,
      unreadable: [],
    },
  },
});
if (way === "exit") process.exit(3);
if (way === "throw") throw new Error("not this again");
if (way === "memory")
  for (const kept: number[][] = []; ; )
    kept.push(Array.from({ length: 100_000 }, (_, i) => i + 0.5));
// deaf: a step that never lets other code run.
Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
