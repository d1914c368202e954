// The message of an error reaches every client of gRPC unchanged.
import { once } from "node:events";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { Client, credentials, type ServiceError } from "@grpc/grpc-js";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { SignalService } from "#gen/millrace/v1/signal_service_pb.ts";
import { openTestGateway, type TestGateway } from "../testing/gateway.ts";
import { rewriteMessage, toGrpcMessage } from "./grpc-message.ts";
import { reasonError } from "./reasons.ts";

let gateway: TestGateway;
let client: Client;
beforeAll(async () => {
  gateway = await openTestGateway();
  client = new Client(`127.0.0.1:${gateway.port}`, credentials.createInsecure());
});
afterAll(async () => {
  client.close();
  await gateway[Symbol.asyncDispose]();
});

const said = 'no machine has sent the signal "öl %41"; known are: error, power (kW/h), 油 😀';
const refuse = () => {
  throw reasonError("SIGNAL_UNKNOWN", Code.NotFound, said);
};

test("of a call with one answer, and of a stream that ends with it", async () => {
  gateway.accessor.signals.querySignals = refuse;
  gateway.accessor.signals.watchSignals = async function* () {
    yield { after: "c0", through: "c0" };
    refuse();
  };
  const { querySignals, watchSignals } = SignalService.method;
  const query = Buffer.from(
    toBinary(querySignals.input, create(querySignals.input, { signal: "powr" })),
  );
  const unary = await new Promise<ServiceError | null>((resolve) => {
    const path = "/millrace.v1.SignalService/QuerySignals";
    client.makeUnaryRequest(path, Buffer.from, (bytes) => bytes, query, resolve);
  });
  expect([unary?.code, unary?.details]).toEqual([Code.NotFound, said]);
  const decode = (bytes: Buffer) => fromBinary(watchSignals.output, bytes);
  const stream = client.makeServerStreamRequest(
    "/millrace.v1.SignalService/WatchSignals",
    Buffer.from,
    decode,
    Buffer.alloc(0),
  );
  stream.resume();
  const [error] = (await once(stream, "error").catch((failure) => [failure])) as [ServiceError];
  expect([error.code, error.details]).toEqual([Code.NotFound, said]);
});

test("any text is written so that both kinds of readers have it again, and as Connect's is rewritten", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const wellFormed = text.toWellFormed();
      const written = toGrpcMessage(text);
      expect(written).toMatch(/^[ -~]*$/);
      expect(decodeURIComponent(written)).toBe(wellFormed);
      expect(decodeURI(written)).toBe(wellFormed);
      if (wellFormed === "") return;
      const headers = new Headers({ "grpc-message": encodeURIComponent(wellFormed) });
      rewriteMessage(headers);
      expect(headers.get("grpc-message")).toBe(written.trim());
    }),
  );
});
