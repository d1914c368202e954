// The tools of a kind of harm: the two ports, a narrow key, calls of any shape, and a count of how
// they ended.
import type { ClientHttp2Session } from "node:http2";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { type Client, ConnectError, createClient } from "@connectrpc/connect";
import { IngestService } from "#gen/millrace/v1/ingest_service_pb.ts";
import { SignalService } from "#gen/millrace/v1/signal_service_pb.ts";
import { createGrpcTransport } from "../../runtime/grpc/transport.ts";
import { makeCall, openSession } from "../fuzz/grpc-inputs.ts";

/** Runs until the target's abort signal fires. */
export type Harm = (target: Target) => Promise<void>;

export type Target = Disposable & {
  readonly accessorUrl: string;
  readonly gatewayUrl: string;
  readonly gatewayPort: number;
  readonly accessorPort: number;
  readonly headers: Record<string, string>;
  readonly abort: AbortSignal;
  readonly signals: Client<typeof SignalService>;
  readonly ingest: Client<typeof IngestService>;
  /** How requests ended, and how many did so. */
  readonly endings: ReadonlyMap<string, number>;
  note(ending: string): void;
};

type Opening = { accessorUrl: string; gatewayUrl: string; key: string; abort: AbortSignal };

export function openTarget({ accessorUrl, gatewayUrl, key, abort }: Opening): Target {
  const headers: Record<string, string> = key === "" ? {} : { authorization: `Bearer ${key}` };
  const transport = createGrpcTransport({ baseUrl: accessorUrl, headers });
  const endings = new Map<string, number>();
  return {
    accessorUrl,
    gatewayUrl,
    headers,
    abort,
    endings,
    gatewayPort: Number(new URL(gatewayUrl).port),
    accessorPort: Number(new URL(accessorUrl).port),
    signals: createClient(SignalService, transport),
    ingest: createClient(IngestService, transport),
    note: (ending) => void endings.set(ending, (endings.get(ending) ?? 0) + 1),
    [Symbol.dispose]: () => transport[Symbol.dispose](),
  };
}

/**
 * Does harm for a while; returns when, and how its requests ended. Whatever the server does to its
 * connections is no failure of the harness.
 */
export async function endure(
  harm: Harm,
  { lengthMs, ...where }: Omit<Opening, "abort"> & { lengthMs: number },
): Promise<{ fromMs: number; toMs: number; endings: Record<string, number> }> {
  const fromMs = Date.now();
  const abort = AbortSignal.timeout(lengthMs);
  using target = openTarget({ ...where, abort });
  await harm(target).catch((error) => target.note(`broke: ${String(error).slice(0, 100)}`));
  return { fromMs, toMs: Date.now(), endings: Object.fromEntries(target.endings) };
}

const pauseMs = 25;

/**
 * This many repeat the same action, with a short pause between: the load must be the server's, not
 * the harness's.
 */
export async function repeatedly(
  target: Target,
  atOnce: number,
  once: (turn: number) => Promise<unknown>,
): Promise<void> {
  let turn = 0;
  const worker = async () => {
    while (!target.abort.aborted) {
      await once(turn++).then(
        (ending) => target.note(typeof ending === "string" ? ending : "ok"),
        // Names and delays differ in their numbers: messages are counted by kind.
        (error) =>
          target.note(
            ConnectError.from(error)
              .message.slice(0, 60)
              .replaceAll(/\d[\d.]*/g, "#"),
          ),
      );
      await sleep(pauseMs);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

/** Messages in gRPC's frames, to both ports, repeatedly. */
export async function hammer(
  target: Target,
  { path, message, gzip, headers = {}, atOnce = 4 }: HammerOptions,
): Promise<void> {
  const prefix = Buffer.alloc(5);
  prefix[0] = gzip ? 1 : 0;
  prefix.writeUInt32BE(message.length, 1);
  const body = Buffer.concat([prefix, message]);
  const encoding: Record<string, string> = gzip ? { "grpc-encoding": "gzip" } : {};
  const sent = { "content-type": "application/grpc", te: "trailers", ...encoding, ...headers };
  const sessions = new Map<string, ClientHttp2Session>();
  await repeatedly(target, atOnce, async (turn) => {
    const url = turn % 2 === 0 ? target.accessorUrl : target.gatewayUrl;
    let session = sessions.get(url);
    if (session === undefined || session.closed || session.destroyed) session = openSession(url);
    sessions.set(url, session);
    const { status } = await makeCall(session, { path, headers: sent, body, input: path }, 5_000);
    return `${turn % 2 === 0 ? "accessor" : "gateway"} ${status}`;
  });
  for (const session of sessions.values()) session.destroy();
}

export type HammerOptions = {
  path: string;
  message: Buffer;
  gzip: boolean;
  headers?: Record<string, string>;
  atOnce?: number;
};

/**
 * Opens this many connections, writes to each, and never reads; reconnects those that are closed.
 */
export async function holdOpen(
  target: Target,
  port: number,
  count: number,
  bytes: () => Buffer | string,
): Promise<void> {
  const hold = async () => {
    while (!target.abort.aborted) {
      const socket = connect(port, "127.0.0.1");
      socket.on("error", () => {});
      socket.pause();
      socket.write(bytes());
      const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
      const stopped = new Promise<void>((resolve) =>
        target.abort.addEventListener("abort", () => resolve(), { once: true }),
      );
      await Promise.race([closed, stopped]);
      socket.destroy();
      if (!target.abort.aborted) target.note("closed");
      await sleep(200 + Math.random() * 300);
    }
  };
  await Promise.all(Array.from({ length: count }, hold));
  target.note("held to the end");
}

/**
 * Writes the same on this many connections, reads nothing, and leaves after 300 ms to reconnect.
 */
export async function writeAndLeave(
  target: Target,
  port: number,
  count: number,
  bytes: Buffer,
): Promise<void> {
  await repeatedly(target, count, async () => {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => {}).pause();
    socket.write(bytes);
    await sleep(300);
    socket.destroy();
    return "left";
  });
}

/** message: of a whole call. body: the beginning of one that never ends, in gRPC's frames. */
type UnreadOptions = {
  url: string;
  path: string;
  message?: Uint8Array;
  body?: Buffer;
  count: number;
};

/** Streams that are opened and never read. */
export async function leaveUnread(
  target: Target,
  { url, path, message, body, count }: UnreadOptions,
): Promise<void> {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message?.length ?? 0, 1);
  const session = openSession(url);
  const sent = {
    ":method": "POST",
    ":path": path,
    "content-type": "application/grpc",
    te: "trailers",
  };
  const open = async () => {
    while (!target.abort.aborted && !session.destroyed && !session.closed) {
      const stream = session.request({ ...sent, ...target.headers });
      stream.on("error", () => {}).pause();
      if (body) stream.write(body);
      else stream.end(Buffer.concat([prefix, message ?? Buffer.alloc(0)]));
      const closed = new Promise<void>((resolve) => stream.once("close", () => resolve()));
      const stopped = new Promise<void>((resolve) =>
        target.abort.addEventListener("abort", () => resolve(), { once: true }),
      );
      await Promise.race([closed, stopped]);
      if (!target.abort.aborted) target.note("ended by the server");
      stream.close();
      await sleep(200);
    }
  };
  await Promise.all(Array.from({ length: count }, open));
  session.destroy();
}
