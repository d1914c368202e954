// A spool: a folder that keeps a producer's batches from their append to their acknowledgement,
// through any end of the process.
import { randomBytes } from "node:crypto";
import { readdir, readFile, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Log } from "../../runtime/log.ts";
import { makeFolders } from "../../runtime/make-folders.ts";
import { Change } from "../outbox/change.ts";
import { ByteBound, type WhenFull } from "./byte-bound.ts";
import {
  errorCode,
  keepPrivate,
  keepPrivateFolder,
  makePrivateFolder,
  syncFolder,
  writeWhole,
} from "./files.ts";
import { createGapLog, type GapLog } from "./gap-log.ts";
import { Lane } from "./lane.ts";
import { takeLock } from "./lock.ts";
import { openMark } from "./mark.ts";
import { recoverLane } from "./recover.ts";
import { SpoolError } from "./segment.ts";

export type SpoolOptions = {
  /** Created if it does not exist. */
  folder: string;
  /**
   * Id of the producer, which the spool keeps from its first use on; default a new one. Throws
   * SpoolError if the spool has another.
   */
  producerId?: string | undefined;
  /** Bound on the bytes of both lanes' files; default 1 GiB. */
  maxBytes?: number | undefined;
  /**
   * What happens at the bound: appends wait (the default), or the oldest batches are dropped and
   * the gap is recorded.
   */
  whenFull?: WhenFull | undefined;
  /**
   * Default a sixteenth of maxBytes, from 16 KiB to 16 MiB. Batches are deleted and dropped a whole
   * file at a time.
   */
  segmentBytes?: number;
  log: Log;
};

export type Spool = AsyncDisposable & {
  readonly folder: string;
  readonly producerId: string;
  /** Batches that are appended while the accessor keeps up: the sequence `<producerId>.live`. */
  readonly live: Lane;
  /** All others: `<producerId>.backlog`. */
  readonly backlog: Lane;
  /** Wakes at every change of a lane. */
  readonly change: Change;
  readonly usedBytes: number;
  readonly maxBytes: number;
};

/** Longest producer id of a spool: the contract's 128 less the lane's name. */
export const maxProducerIdLength = 120;

/**
 * Opens a spool and recovers it: cuts torn tails, sets damaged files aside, reports what is lost.
 * Throws SpoolError if another process has it or it belongs to another producer.
 */
export async function openSpool(options: SpoolOptions): Promise<Spool> {
  const { maxBytes = 2 ** 30, whenFull = "block" } = options;
  const folder = resolve(options.folder);
  const segmentBytes =
    options.segmentBytes ??
    Math.min(16 * 2 ** 20, Math.max(16 * 2 ** 10, Math.floor(maxBytes / 16)));
  const log = options.log.child({ spool: folder });
  await makeSpoolFolder(folder);
  await using opened = new AsyncDisposableStack();
  opened.use(lockSpool(folder));
  await keepPrivate(join(folder, "lock"));
  const producerId = await readIdentity(folder, options.producerId);
  const change = new Change();
  const bound = new ByteBound({ maxBytes, whenFull, change });
  const gaps = opened.use(createGapLog({ path: join(folder, "gaps.ndjson"), log }));
  const shared = { bound, gaps, change, segmentBytes, log };
  const live = opened.use(await openLane("live", { folder, producerId, ...shared }));
  const backlog = opened.use(await openLane("backlog", { folder, producerId, ...shared }));
  await syncFolder(folder);
  const heldBatches = live.held.batches + backlog.held.batches;
  log.info("spool open", { producerId, heldBatches, usedBytes: bound.usedBytes });
  const owned = opened.move();
  return {
    folder,
    producerId,
    live,
    backlog,
    change,
    get usedBytes() {
      return bound.usedBytes;
    },
    maxBytes,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/**
 * Makes the folder, closed to other accounts. An existing folder is closed if it is empty or
 * already a spool, unless it is one that others share (as /tmp is): a user who chose a folder with
 * other things in it did not mean to close those. The spool's own files in it are closed in any
 * case.
 */
async function makeSpoolFolder(folder: string): Promise<void> {
  const made = await makeFolders(folder, { mode: 0o700 });
  const names = await readdir(folder);
  const { mode } = await stat(folder);
  const isOurs = made !== undefined || names.length === 0 || names.includes("spool.json");
  if (isOurs && (mode & 0o1000) === 0) await keepPrivateFolder(folder);
  for (const name of names)
    if (name === "quarantine") await makePrivateFolder(join(folder, name));
    else if (/^(?:lock|spool\.json|[\w-]+\.ndjson(?:\.1)?)$/.test(name))
      await keepPrivate(join(folder, name));
}

type LaneGiven = {
  folder: string;
  producerId: string;
  bound: ByteBound;
  gaps: GapLog;
  change: Change;
  segmentBytes: number;
  log: Log;
};

async function openLane(name: "live" | "backlog", given: LaneGiven): Promise<Lane> {
  const folder = join(given.folder, name);
  const producerId = `${given.producerId}.${name}`;
  const log = given.log.child({ lane: name });
  await makePrivateFolder(folder);
  const { mark, state } = await openMark(join(folder, "mark"));
  try {
    const quarantine = join(given.folder, "quarantine");
    const recovered = await recoverLane({ folder, quarantine, mark: state, log });
    const missing = await given.gaps.reportNew(producerId, recovered.holes);
    const lane = new Lane({ ...given, folder, producerId, recovered, missing, mark, log });
    given.bound.lanes.push(lane);
    return lane;
  } catch (error) {
    await mark[Symbol.asyncDispose]();
    throw error;
  }
}

function lockSpool(folder: string): Disposable {
  try {
    return takeLock(join(folder, "lock"));
  } catch (cause) {
    throw new SpoolError(`cannot use the spool ${folder}: ${(cause as Error).message}`, { cause });
  }
}

/** The producer id that the spool was made with. Its numbering is meaningless under another id. */
async function readIdentity(folder: string, wanted: string | undefined): Promise<string> {
  const path = join(folder, "spool.json");
  if (wanted !== undefined && wanted.length > maxProducerIdLength)
    throw new SpoolError(
      `the producer id of a spool has at most ${maxProducerIdLength} characters`,
    );
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  });
  if (text === undefined) {
    const producerId = wanted ?? `p-${randomBytes(6).toString("hex")}`;
    await writeWhole(path, [Buffer.from(`${JSON.stringify({ format: 1, producerId })}\n`)]);
    return producerId;
  }
  const { format, producerId } = parseIdentity(text);
  if (format !== 1 || typeof producerId !== "string")
    throw new SpoolError(
      `${path} is damaged or of another version; restore {"format":1,"producerId":"…"} by hand`,
    );
  if (wanted !== undefined && wanted !== producerId)
    throw new SpoolError(
      `the spool ${folder} belongs to producer "${producerId}", not "${wanted}"`,
    );
  return producerId;
}

function parseIdentity(text: string): { format?: unknown; producerId?: unknown } {
  try {
    return JSON.parse(text) as { format?: unknown; producerId?: unknown };
  } catch {
    return {};
  }
}
