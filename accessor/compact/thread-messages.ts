// What the compaction thread gets when it starts, and the messages that it sends. All of it can be
// cloned.
import type { LogFields } from "../../runtime/log.ts";
import type { Epoch } from "../domain/cursor.ts";
import type { CompactorOptions, Progress } from "./compactor.ts";

type OfTheThread =
  | "database"
  | "catalog"
  | "epochs"
  | "nowUs"
  | "log"
  | "beforeStep"
  | "onProgress";

export type ThreadData = Omit<CompactorOptions, OfTheThread> & {
  databaseUrl: string;
  epochs: readonly Epoch[];
};

export type LogEntry = {
  level: "debug" | "info" | "warn" | "error";
  message: string;
  fields?: LogFields | undefined;
};

export type FromThread =
  | { kind: "started" }
  | { kind: "progress"; progress: Progress }
  | ({ kind: "log" } & LogEntry);
