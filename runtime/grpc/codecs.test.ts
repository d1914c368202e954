import { create, toBinary } from "@bufbuild/protobuf";
import { BytesValueSchema } from "@bufbuild/protobuf/wkt";
import { createClient } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { collect, openTestServer, testService } from "../testing/service.ts";
import { type Codecs, codecOf } from "./codecs.ts";
import { createGrpcTransport } from "./transport.ts";

const text = (value: string) => ({ value: Buffer.from(value) });

/** Codecs that can be told from the ordinary way by what they make of a value. */
const marked = (mark: string): Codecs =>
  new Map([
    codecOf(BytesValueSchema, {
      encode(message, headBytes) {
        const value = Buffer.concat([message.value, Buffer.from(mark)]);
        const bytes = toBinary(BytesValueSchema, create(BytesValueSchema, { value }));
        return Buffer.concat([Buffer.alloc(headBytes), bytes]);
      },
      decode: (bytes) =>
        create(BytesValueSchema, text(`${Buffer.from(bytes.subarray(2)).toString()}${mark}`)),
    }),
  ]);

test("a server and a transport use their own codecs, on calls of each kind", async () => {
  await using opened = await openTestServer(
    {
      unary: ({ value }) => ({ value }),
      async *serverStream({ value }) {
        yield { value };
      },
    },
    { codecs: marked("<") },
  );
  const { server, client } = opened;
  using transport = createGrpcTransport({
    baseUrl: `http://127.0.0.1:${server.port}`,
    codecs: marked(">"),
  });
  const other = createClient(testService, transport);
  const textOf = ({ value }: { value: Uint8Array }) => Buffer.from(value).toString();
  expect(textOf(await client.unary(text("a")))).toBe("a<<");
  expect((await collect(client.serverStream(text("b")))).map(textOf)).toEqual(["b<<"]);
  expect(textOf(await other.unary(text("c")))).toBe("c><<>");
  expect((await collect(other.serverStream(text("d")))).map(textOf)).toEqual(["d><<>"]);
});

test("what a codec leaves is decoded in the ordinary way", async () => {
  await using opened = await openTestServer(
    { unary: ({ value }) => ({ value }) },
    { codecs: new Map([codecOf(BytesValueSchema, { decode: () => undefined })]) },
  );
  expect(Buffer.from((await opened.client.unary(text("a"))).value).toString()).toBe("a");
});
