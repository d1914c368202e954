// Writes large answers of Connect, gRPC and gRPC-Web in turns. connect-es writes a message at once,
// which takes 90 ms for a page of buckets as JSON. So it gets an empty message to write, which is
// then replaced by the real one in the response.
import { create, type DescMessage, type Message, toJson } from "@bufbuild/protobuf";
import { type ContextKey, createContextKey, type Interceptor } from "@connectrpc/connect";
import { encodeEnvelope, type UniversalServerResponse } from "@connectrpc/connect/protocol";
import type { Json } from "../../codec/row/json-text.ts";
import { encodeInTurns, isLarge } from "../../runtime/grpc/encode-in-turns.ts";
import { Turns } from "../../runtime/turns.ts";
import { chooseEncoding, encodeText } from "../encoding/compression.ts";
import { jsonInTurns, lazyList } from "../encoding/json-in-turns.ts";

/** The flag of a compressed envelope in gRPC and gRPC-Web. */
const compressedFlag = 1;

/** The answer of one call, if it is large. */
export type Aside = { message?: Message };

export const asideKey: ContextKey<Aside | undefined> = createContextKey<Aside | undefined>(
  undefined,
  {
    description: "an answer that is written in turns",
  },
);

export const setLargeAside: Interceptor = (next) => async (request) => {
  const answer = await next(request);
  const aside = request.contextValues.get(asideKey);
  if (aside === undefined || answer.stream || !isLarge(answer.method.output, answer.message))
    return answer;
  aside.message = answer.message;
  return { ...answer, message: create(answer.method.output) };
};

/** The response with the message that was set aside. acceptEncoding: the request's header. */
export async function writeAside(
  response: UniversalServerResponse,
  { output, aside, json, acceptEncoding }: Context,
): Promise<UniversalServerResponse> {
  const { message } = aside;
  if (message === undefined || response.status !== 200 || response.body === undefined)
    return response;
  const turns = new Turns();
  const bytes = json
    ? Buffer.concat(await jsonInTurns(toLazyJson(output, message), turns))
    : await encodeInTurns(output, message, { turns });
  const header = new Headers(response.header);
  // Every other content type has envelopes, each with its own flag for compression, in the encoding
  // that connect-es has negotiated.
  if (!/^application\/(json|proto)$/.test(header.get("content-type") ?? "")) {
    const packed = await encodeText(
      bytes,
      chooseEncoding(header.get("grpc-encoding") ?? undefined),
    );
    const envelope = encodeEnvelope(
      packed.encoding === undefined ? 0 : compressedFlag,
      packed.bytes,
    );
    return {
      ...response,
      body: inPlaceOfFirst(response.body as AsyncIterable<Uint8Array>, envelope),
    };
  }
  const encoded = await encodeText(bytes, chooseEncoding(acceptEncoding));
  header.delete("content-encoding");
  if (encoded.encoding !== undefined) header.set("content-encoding", encoded.encoding);
  header.set("content-length", String(encoded.bytes.length));
  return { ...response, header, body: only(encoded.bytes) };
}

type Context = {
  output: DescMessage;
  aside: Aside;
  json: boolean;
  acceptEncoding: string | undefined;
};

/** The same JSON as toJson gives, with the items of lists made while they are written. */
function toLazyJson(desc: DescMessage, message: Message): Json {
  if (!isLarge(desc, message)) return toJson(desc, message) as Json;
  const lists = desc.fields.filter(
    (field) => field.fieldKind === "list" && field.listKind === "message",
  );
  const itemsOf = ({ localName }: { localName: string }) =>
    (message as unknown as Record<string, Message[]>)[localName]!;
  const none = Object.fromEntries(lists.map(({ localName }) => [localName, []]));
  const json: Record<string, Json> = { ...(toJson(desc, { ...message, ...none }) as object) };
  for (const field of lists) {
    if (itemsOf(field).length > 0)
      json[field.jsonName] = lazyList(itemsOf(field), (item) => toLazyJson(field.message!, item));
  }
  return json;
}

/** The first envelope is the message, the next the trailers. */
async function* inPlaceOfFirst(
  body: AsyncIterable<Uint8Array>,
  inPlace: Uint8Array,
): AsyncGenerator<Uint8Array, void, undefined> {
  let first = true;
  for await (const envelope of body) {
    yield first ? inPlace : envelope;
    first = false;
  }
}

async function* only(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes;
}
