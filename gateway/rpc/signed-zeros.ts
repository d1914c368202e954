// Keeps -0 in the JSON of Connect, gRPC and gRPC-Web. connect-es writes messages with
// JSON.stringify, which turns -0 into 0; so messages with a -0 are recorded before they are
// written, and rewritten as REST would. All others, nearly all, are sent as they were written.
import { type DescMessage, type Message, toJson } from "@bufbuild/protobuf";
import { type ContextKey, createContextKey, type Interceptor } from "@connectrpc/connect";
import { encodeEnvelope, type UniversalServerResponse } from "@connectrpc/connect/protocol";
import { type Json, toJsonText } from "../../codec/row/json-text.ts";

/** The messages of one answer that contain a -0, by their index. */
type SignedZeros = { next: number; found: Map<number, Message> };

/** Set for calls in JSON; if it is not set, nothing is checked. */
export const signedZerosKey: ContextKey<SignedZeros | undefined> = createContextKey<
  SignedZeros | undefined
>(undefined, { description: "messages with a -0" });

/** Undefined for a request that is answered in binary. */
export function expectJson({
  url,
  contentType = "",
}: {
  url: string;
  contentType?: string | undefined;
}) {
  const isJson = /[/+]json\b/i.test(contentType) || /[?&]encoding=json(&|$)/.test(url);
  return isJson ? { next: 0, found: new Map<number, Message>() } : undefined;
}

export const noteSignedZeros: Interceptor = (next) => async (request) => {
  const zeros = request.contextValues.get(signedZerosKey);
  const answer = await next(request);
  if (zeros === undefined) return answer;
  const note = (message: Message) => {
    if (holdsSignedZero(message)) zeros.found.set(zeros.next, message);
    zeros.next++;
  };
  if (!answer.stream) {
    note(answer.message);
    return answer;
  }
  const messages = async function* () {
    for await (const message of answer.message) {
      note(message);
      yield message;
    }
  };
  return { ...answer, message: messages() };
};

function holdsSignedZero(value: unknown): boolean {
  if (typeof value === "number") return Object.is(value, -0);
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return false;
  return (Array.isArray(value) ? value : Object.values(value)).some(holdsSignedZero);
}

/** The answer with the recorded messages rewritten. */
export function writeSignedZeros(
  response: UniversalServerResponse,
  { output, zeros }: { output: DescMessage; zeros: SignedZeros | undefined },
): UniversalServerResponse {
  if (zeros === undefined || response.status !== 200 || response.body === undefined)
    return response;
  const bytesOf = (message: Message) => Buffer.from(toJsonText(toJson(output, message) as Json));
  const body = response.body as AsyncIterable<Uint8Array>;
  if (new Headers(response.header).get("content-type") !== "application/json")
    return { ...response, body: envelopes(body, (place) => take(zeros, place, bytesOf)) };
  const written = take(zeros, 0, bytesOf);
  if (written === undefined) return response;
  const header = new Headers(response.header);
  header.delete("content-encoding");
  header.set("content-length", String(written.length));
  return { ...response, header, body: one(written) };
}

function take(
  zeros: SignedZeros,
  place: number,
  write: (message: Message) => Buffer,
): Buffer | undefined {
  const message = zeros.found.get(place);
  zeros.found.delete(place);
  return message && write(message);
}

/**
 * Connect writes one envelope at a time. An envelope that is not a message (the end of a stream,
 * trailers) has one of these flags.
 */
const notAMessage = 0b1000_0010;

async function* envelopes(
  body: AsyncIterable<Uint8Array>,
  rewrite: (place: number) => Buffer | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  let place = 0;
  for await (const envelope of body) {
    const data = (envelope[0]! & notAMessage) === 0 ? rewrite(place++) : undefined;
    // Not compressed, which each envelope's own flag tells.
    yield data ? encodeEnvelope(0, data) : envelope;
  }
}

async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes;
}
