// Limits messages of Connect, gRPC-Web and gRPC by their method before Connect decodes them: size,
// decompressed size, and estimated memory. Connect itself checks none of these, so messages are
// decompressed and checked here, and passed to it decompressed.
import type { DescMethod } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import type { UniversalServerRequest } from "@connectrpc/connect/protocol";
import { bytesFault, isMisencoded } from "../../codec/row/text-bytes.ts";
import { decompress, type Encoding, type InTurn } from "../../runtime/grpc/decompress.ts";
import { assertCost } from "../../runtime/grpc/message-cost.ts";
import { type MessageLimits, MessageTooLarge } from "../../runtime/grpc/message-limits.ts";
import { joinSmall } from "../../runtime/own-bytes.ts";
import { invalidField, reasonError } from "../errors/reasons.ts";
import { assertJsonCost } from "../limits/json-cost.ts";

export type MessageReading = { method: DescMethod; limits: MessageLimits; inTurn: InTurn };

/**
 * The same request with its messages decompressed. A message that is too large fails the request
 * with MESSAGE_TOO_LARGE when it is read.
 */
export async function limitMessages(
  request: UniversalServerRequest,
  reading: MessageReading,
): Promise<UniversalServerRequest> {
  if (request.method === "GET") return limitQuery(request, reading);
  const { body } = request;
  const type = request.header.get("content-type") ?? "";
  if (!isStream(body)) return request;
  const format = /[/+]json\b/i.test(type) ? "json" : "proto";
  if (/^application\/(grpc|connect)/i.test(type)) {
    const name =
      request.header.get("grpc-encoding") ?? request.header.get("connect-content-encoding");
    return {
      ...request,
      body: envelopes(body, { ...reading, format, encoding: toEncoding(name) }),
    };
  }
  const encoding = toEncoding(request.header.get("content-encoding"));
  const header = new Headers(request.header);
  if (encoding !== undefined) header.delete("content-encoding");
  header.delete("content-length");
  return { ...request, header, body: single(body, { ...reading, format, encoding }) };
}

type Format = "json" | "proto";
type Message = MessageReading & { format: Format; encoding: Encoding | undefined };

const isStream = (body: unknown): body is AsyncIterable<Uint8Array> =>
  typeof body === "object" && body !== null && Symbol.asyncIterator in body;

/** undefined: none, or one that Connect refuses with its own message. */
const toEncoding = (name: string | null): Encoding | undefined =>
  name === "gzip" || name === "br" ? name : undefined;

/** The whole body is one message. */
async function* single(
  body: AsyncIterable<Uint8Array>,
  message: Message,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { maxBytes } = message.limits;
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > maxBytes) throw tooLarge(new MessageTooLarge("bytes", maxBytes));
    chunks.push(chunk);
    joinSmall(chunks);
  }
  yield await readMessage(Buffer.concat(chunks), message);
}

const headBytes = 5;
const compressedFlag = 1;
/**
 * For envelopes that are not messages (the end of a stream, trailers), which clients rarely send.
 */
const maxOtherBytes = 4 * 1024;

/**
 * Each message is in an envelope: flags, length, bytes. Connect reports an envelope that is cut off
 * at the end.
 */
async function* envelopes(
  body: AsyncIterable<Uint8Array>,
  message: Message,
): AsyncGenerator<Uint8Array, void, undefined> {
  const pending = new Pending();
  for await (const chunk of body) {
    pending.push(chunk);
    for (
      let envelope = take(pending, message);
      envelope !== undefined;
      envelope = take(pending, message)
    ) {
      const { flags, bytes } = envelope;
      const compressed = (flags & compressedFlag) !== 0 && message.encoding !== undefined;
      const isMessage = (flags & ~compressedFlag) === 0;
      if (!isMessage || (flags !== 0 && !compressed)) yield enclose(flags, bytes);
      else
        yield enclose(
          0,
          await readMessage(bytes, compressed ? message : { ...message, encoding: undefined }),
        );
    }
  }
  if (pending.length > 0) yield pending.take(pending.length);
}

function take(
  pending: Pending,
  { limits: { maxBytes } }: Message,
): { flags: number; bytes: Buffer } | undefined {
  const head = pending.peek(headBytes);
  if (head === undefined) return undefined;
  const [flags, length] = [head.readUInt8(0), head.readUInt32BE(1)];
  const max = (flags & ~compressedFlag) === 0 ? maxBytes : Math.min(maxBytes, maxOtherBytes);
  if (length > max) throw tooLarge(new MessageTooLarge("bytes", max));
  if (pending.length < headBytes + length) return undefined;
  pending.take(headBytes);
  return { flags, bytes: pending.take(length) };
}

function enclose(flags: number, bytes: Uint8Array): Uint8Array {
  const envelope = Buffer.allocUnsafe(headBytes + bytes.length);
  envelope.writeUInt8(flags, 0);
  envelope.writeUInt32BE(bytes.length, 1);
  envelope.set(bytes, headBytes);
  return envelope;
}

/** Bytes that have arrived and are not taken yet; they are joined only when they are taken. */
class Pending {
  #chunks: Buffer[] = [];
  length = 0;

  push(chunk: Uint8Array): void {
    this.#chunks.push(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
    joinSmall(this.#chunks);
    this.length += chunk.length;
  }

  peek(count: number): Buffer | undefined {
    if (this.length < count) return undefined;
    if (this.#chunks[0]!.length < count) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0]!.subarray(0, count);
  }

  take(count: number): Buffer {
    this.length -= count;
    const taken: Buffer[] = [];
    let missing = count;
    while (missing > 0) {
      const first = this.#chunks[0]!;
      taken.push(first.subarray(0, missing));
      if (first.length > missing) this.#chunks[0] = first.subarray(missing);
      else this.#chunks.shift();
      missing -= Math.min(missing, first.length);
    }
    return taken.length === 1 ? taken[0]! : Buffer.concat(taken);
  }
}

/** Connect's GET has its message in the URL, perhaps compressed. */
async function limitQuery(
  request: UniversalServerRequest,
  reading: MessageReading,
): Promise<UniversalServerRequest> {
  const url = new URL(request.url);
  const query = url.searchParams;
  const text = query.get("message");
  if (text === null) return request;
  const encoding = toEncoding(query.get("compression"));
  if (encoding === undefined && (query.get("compression") ?? "identity") !== "identity")
    return request;
  const format = query.get("encoding") === "json" ? "json" : "proto";
  if (isMisencoded(url.search))
    throw invalidField("message", "holds percent-encoded bytes that are not UTF-8");
  const bytes = query.get("base64") === "1" ? Buffer.from(text, "base64url") : Buffer.from(text);
  const read = await readMessage(bytes, { ...reading, format, encoding });
  if (encoding === undefined) return request;
  query.delete("compression");
  query.set("base64", "1");
  query.set("message", read.toString("base64url"));
  return { ...request, url: url.href };
}

async function readMessage(
  bytes: Buffer,
  { method, limits, inTurn, format, encoding }: Message,
): Promise<Buffer> {
  const { maxBytes, maxDecompressedBytes = maxBytes } = limits;
  try {
    if (bytes.length > maxBytes) throw new MessageTooLarge("bytes", maxBytes);
    const compressed = encoding !== undefined && bytes.length > 0;
    const whole = compressed
      ? await inTurn(() => decompress(encoding, bytes, maxDecompressedBytes))
      : bytes;
    if (format === "json") assertText(whole);
    if (format === "json") await assertJsonCost(whole, limits);
    else assertCost(method.input, whole, limits);
    return whole;
  } catch (error) {
    if (error instanceof MessageTooLarge) throw tooLarge(error);
    if (error instanceof ConnectError) throw error;
    const what =
      "code" in (error as Error)
        ? "cannot be decompressed"
        : "is not valid protobuf for this method";
    throw new ConnectError(
      `the message ${what}`,
      Code.InvalidArgument,
      undefined,
      undefined,
      error,
    );
  }
}

/** Connect would replace bytes that are not UTF-8 by U+FFFD, which would then be stored. */
function assertText(json: Buffer): void {
  const fault = bytesFault(json);
  if (fault !== undefined) throw invalidField("message", fault);
}

/** The error for clients. */
export function tooLarge({ rawMessage, limit, max }: MessageTooLarge): ConnectError {
  const metadata = { limit, max: String(max) };
  return reasonError("MESSAGE_TOO_LARGE", Code.ResourceExhausted, rawMessage, { metadata });
}
