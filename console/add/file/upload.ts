// Sends the rows of a file in bounded pieces, each under a key of its own: a piece that is sent
// again, because its answer was lost, is stored once.
import { createBackoff, sleep } from "../../../runtime/backoff.ts";
import type { Row } from "./map-record.ts";

/** A row, and the line of the file that it came from. */
export type UploadRow = { readonly line: number; readonly row: Row | string };
export type BadLine = { readonly line: number; readonly reason: string };

export type UploadProgress = {
  readonly bytes: number;
  readonly accepted: number;
  readonly rejected: number;
  /** The first of them. */
  readonly badLines: readonly BadLine[];
  /** Machines that the rows name, in the order in which they come: the first of them. */
  readonly machines: readonly string[];
};

export type UploadItem =
  | { readonly kind: "rows"; readonly rows: readonly UploadRow[]; readonly bytes: number }
  | { readonly kind: "bad"; readonly bad: BadLine; readonly bytes: number };

export type UploadOptions = {
  items: AsyncIterable<UploadItem>;
  /** Names the file and how it is read: the same file is stored once. */
  key: string;
  credential: string | undefined;
  abort: AbortSignal;
  onProgress: (progress: UploadProgress) => void;
  fetch?: typeof fetch;
  /** Of the gateway; default: that of the page. */
  origin?: string;
};

const pieceRows = 2_000;
const pieceCharacters = 512 * 1024;
/** Most bad lines that are listed; all are counted. */
export const maxBadLines = 1_000;
const maxMachines = 20;
/** Progress is told at least so often, also while no line is good. */
const progressBytes = 1024 * 1024;

/** What was stored and what was not, when all is sent. */
export async function upload(options: UploadOptions): Promise<UploadProgress> {
  const { items, abort, onProgress } = options;
  let piece: UploadRow[] = [];
  let lines: string[] = [];
  let [characters, number] = [0, 0];
  let [bytes, toldBytes, accepted, rejected] = [0, 0, 0, 0];
  const badLines: BadLine[] = [];
  const machines = new Set<string>();
  const progress = (): UploadProgress => ({
    bytes,
    accepted,
    rejected,
    badLines: [...badLines],
    machines: [...machines],
  });
  const tell = () => {
    toldBytes = bytes;
    onProgress(progress());
  };
  const refuse = (bad: BadLine) => {
    rejected += 1;
    if (badLines.length < maxBadLines) badLines.push(bad);
  };
  const flush = async () => {
    if (piece.length === 0) return;
    const answer = await send(options, { number: number++, body: `${lines.join("\n")}\n` });
    const sent = piece;
    piece = [];
    lines = [];
    characters = 0;
    accepted += answer.accepted;
    let listed = 0;
    for (const { line, count = 1, message } of answer.verdicts)
      for (let i = 0; i < count; i++, listed++)
        refuse({ line: sent[line - 1 + i]?.line ?? 0, reason: message });
    rejected += answer.rejected - listed;
    tell();
  };
  for await (const item of items) {
    abort.throwIfAborted();
    bytes = item.bytes;
    if (item.kind === "bad") refuse(item.bad);
    else
      for (const one of item.rows) {
        const text = typeof one.row === "string" ? one.row : JSON.stringify(one.row);
        if (machines.size < maxMachines) noteMachine(machines, one.row);
        piece.push(one);
        lines.push(text);
        characters += text.length;
      }
    if (piece.length >= pieceRows || characters >= pieceCharacters) await flush();
    else if (bytes - toldBytes >= progressBytes) tell();
  }
  await flush();
  tell();
  return progress();
}

function noteMachine(machines: Set<string>, row: Row | string): void {
  const machine = typeof row === "string" ? machineOf(row) : row["machine"];
  if (typeof machine === "string" && machine !== "") machines.add(machine);
}

function machineOf(line: string): unknown {
  try {
    return (JSON.parse(line) as { machine?: unknown } | null)?.machine;
  } catch {
    // The gateway says what is wrong with it.
    return undefined;
  }
}

type Answer = {
  accepted: number;
  rejected: number;
  verdicts: readonly { line: number; count?: number; message: string }[];
};

async function send(
  { key, credential, abort, fetch: ask = fetch, origin = "" }: UploadOptions,
  { number, body }: { number: number; body: string },
): Promise<Answer> {
  const backoff = createBackoff({ baseMs: 500, maxMs: 10_000 });
  for (let attempt = 1; ; attempt++) {
    const response = await ask(`${origin}/signals`, {
      method: "POST",
      headers: {
        "content-type": "application/x-ndjson",
        accept: "application/json",
        "idempotency-key": `${key}-${number}`,
        ...(credential === undefined ? {} : { authorization: `Bearer ${credential}` }),
      },
      body,
      signal: abort,
    }).catch((error: unknown) => {
      abort.throwIfAborted();
      return error as Error;
    });
    if (!(response instanceof Error) && (response.ok || response.status === 422)) {
      const answer = (await response.json()) as Partial<Answer> & { detail?: string };
      if (answer.accepted === undefined) throw new Error(answer.detail ?? "the rows were refused");
      return { accepted: 0, rejected: 0, verdicts: [], ...answer };
    }
    const mayPass = response instanceof Error || response.status === 429 || response.status >= 500;
    if (!mayPass || attempt >= 8) throw await problemOf(response);
    await sleep(backoff.next(), abort);
  }
}

async function problemOf(response: Response | Error): Promise<Error> {
  if (response instanceof Error) return response;
  const problem = (await response.json().catch(() => ({}))) as { detail?: string };
  return new Error(problem.detail ?? `the gateway answers ${response.status}`);
}
