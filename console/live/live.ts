// What is live, for the page: the fleet and the connection as signals, and records of machines as
// they are committed. The worker does the reading; a page that nobody sees hears nothing, and goes
// on after its cursors when it is seen again.
import { effect, type ReadonlySignal, signal } from "@preact/signals";
import { key, session } from "../contract/session.ts";
import type { Connection, ErrorRecord, FromWorker, MachineNow, ToWorker } from "./messages.ts";
import { openWorker } from "./open-worker.ts";

export type RecordsMessage = FromWorker & { kind: "records" };

export type Watching = {
  machines?: readonly string[];
  signals?: readonly string[];
  /** The cursor of the answer that the records continue. */
  after: string;
  onRecords: (message: RecordsMessage) => void;
  /** The feed cannot go on after its cursor: read the range again, and watch after that. */
  onLost: (message: string) => void;
};

/** All machines that the caller may see, by name; undefined until the first answer. */
export const fleet = signal<ReadonlyMap<string, MachineNow> | undefined>(undefined);

const state = signal<Connection>({
  kind: "connecting",
  sinceMs: Date.now(),
  message: "",
  clockOffsetMs: 0,
  commitMs: undefined,
});
export const connection: ReadonlySignal<Connection> = state;

const errorListeners = new Set<(errors: readonly ErrorRecord[]) => void>();
const watches = new Map<number, { watching: Watching; cursor: string }>();
let fleetUsers = 0;
const used = signal(false);
/** Whether anything on the page is fed live. */
export const isFed: ReadonlySignal<boolean> = used;
const noteUse = (): void => {
  used.value = fleetUsers > 0 || watches.size > 0;
};
let nextId = 1;
let send: ((message: ToWorker) => void) | undefined;

/** The present by the server's clock, in microseconds. */
export const serverNowUs = (): number => (Date.now() + state.value.clockOffsetMs) * 1000;

/** Keeps `fleet` true until disposal. */
export function useFleetFeed(): Disposable {
  fleetUsers += 1;
  noteUse();
  if (fleetUsers === 1) tell({ kind: "fleet", wanted: true });
  let ended = false;
  return {
    [Symbol.dispose]() {
      if (ended) return;
      ended = true;
      fleetUsers -= 1;
      noteUse();
      if (fleetUsers === 0) tell({ kind: "fleet", wanted: false });
    },
  };
}

/** Error reports of all machines as they come, while a fleet feed is in use. */
export function onErrors(listener: (errors: readonly ErrorRecord[]) => void): Disposable {
  errorListeners.add(listener);
  return { [Symbol.dispose]: () => void errorListeners.delete(listener) };
}

/** Records committed after a cursor, each once, until disposal. */
export function watchRecords(watching: Watching): Disposable {
  const id = nextId++;
  const entry = { watching, cursor: watching.after };
  watches.set(id, entry);
  noteUse();
  tell(watchMessage(id, entry));
  return {
    [Symbol.dispose]() {
      if (watches.delete(id)) tell({ kind: "unwatch", id });
      noteUse();
    },
  };
}

const watchMessage = (
  id: number,
  { watching, cursor }: { watching: Watching; cursor: string },
): ToWorker => ({
  kind: "watch",
  id,
  machines: watching.machines ?? [],
  signals: watching.signals ?? [],
  after: cursor,
});

const isSeen = () => document.visibilityState === "visible";
/** Who is not known yet may turn out to need no key: waiting for that would only cost time. */
const mayWatch = () => session.value.kind !== "needed" && session.value.kind !== "refused";

function tell(message: ToWorker): void {
  if (!isSeen() || !mayWatch()) return;
  send ??= connect();
  send(message);
}

function connect(): (message: ToWorker) => void {
  const worker = openWorker();
  worker.listen(receive);
  worker.send({ kind: "hello", credential: key.value });
  return worker.send;
}

/** Says again all that this page wants, to a worker that has forgotten it. */
function resume(): void {
  if (!isSeen() || !mayWatch()) return;
  if (send === undefined) send = connect();
  else send({ kind: "hello", credential: key.value });
  if (fleetUsers > 0) send({ kind: "fleet", wanted: true });
  for (const [id, entry] of watches) send(watchMessage(id, entry));
}

function receive(message: FromWorker): void {
  if (message.kind === "connection") state.value = message.connection;
  if (message.kind === "fleet") {
    const next = new Map(message.whole ? [] : fleet.value);
    for (const machine of message.machines) next.set(machine.name, machine);
    fleet.value = next;
    if (message.errors.length > 0) for (const listen of errorListeners) listen(message.errors);
  }
  if (message.kind === "records") {
    const entry = watches.get(message.id);
    if (entry === undefined) return;
    entry.cursor = message.cursor;
    if (message.commitMs !== undefined && fleetUsers === 0)
      state.value = { ...state.value, commitMs: message.commitMs };
    entry.watching.onRecords(message);
  }
  if (message.kind === "lost") watches.get(message.id)?.watching.onLost(message.message);
}

/** Starts to follow who the caller is, and whether the page is seen. Called once, by the entry. */
export function startLive(): void {
  effect(() => {
    key.value;
    if (mayWatch()) resume();
    else {
      send?.({ kind: "bye" });
      fleet.value = undefined;
    }
  });
  document.addEventListener("visibilitychange", () => {
    if (isSeen()) resume();
    else send?.({ kind: "bye" });
  });
  window.addEventListener("pagehide", () => send?.({ kind: "bye" }));
  window.addEventListener("pageshow", ({ persisted }) => persisted && resume());
  setInterval(() => isSeen() && send?.({ kind: "alive" }), 5_000);
}
