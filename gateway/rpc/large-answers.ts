// Large answers of Connect, gRPC and gRPC-Web, written in turns. connect-es writes a message as
// one, for 90 ms if it is a page of buckets as JSON: so it gets an empty one to write, and the
// message itself takes the place of that on the way out.
import { create, type DescMessage, type Message, toJson } from "@bufbuild/protobuf";
import { type ContextKey, createContextKey, type Interceptor } from "@connectrpc/connect";
import { encodeEnvelope, type UniversalServerResponse } from "@connectrpc/connect/protocol";
import type { Json } from "../../codec/row/json-text.ts";
import { encodeInTurns, isLarge } from "../../runtime/grpc/encode-in-turns.ts";
import { Turns } from "../../runtime/turns.ts";
import { chooseEncoding, encodeText } from "../encoding/compression.ts";
import { jsonInTurns, lazyList } from "../encoding/json-in-turns.ts";

/** Of the flags of an envelope, in gRPC and gRPC-Web. */
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

/** The response with the message that was set aside in it. acceptEncoding: of the request. */
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
  // Every other content type has envelopes, each of which says for itself whether it is compressed,
  // in the encoding that connect-es has agreed on.
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

/** As toJson has it, with the items of its lists made as they are written. */
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
