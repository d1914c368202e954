// What a client is told of a failed call: code, message and details as the server meant them.
import { create, toBinary } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { Metadata, type StatusObject } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { ErrorInfoSchema } from "#gen/google/rpc/error_details_pb.ts";
import { StatusSchema } from "#gen/google/rpc/status_pb.ts";
import { fromServiceError, toStatusObject } from "./status.ts";

const info = create(ErrorInfoSchema, { reason: "WHY", domain: "test" });

/** As grpc-js throws it. */
function thrown(details: string, trailer?: Uint8Array): Error & StatusObject {
  const metadata = new Metadata();
  if (trailer) metadata.set("grpc-status-details-bin", Buffer.from(trailer));
  return Object.assign(new Error(details), {
    code: Code.InvalidArgument as number,
    details,
    metadata,
  });
}

test("an error comes back as it went", () => {
  const error = new ConnectError("a: b, c?", Code.NotFound);
  error.details.push({ desc: ErrorInfoSchema, value: info });
  const back = fromServiceError(Object.assign(new Error(), toStatusObject(error)));
  expect(back).toMatchObject({ code: Code.NotFound, rawMessage: "a: b, c?" });
  expect(back.findDetails(ErrorInfoSchema)).toEqual([info]);
});

test("the message is that of the details, since grpc-js leaves some characters encoded", () => {
  const status = create(StatusSchema, {
    code: 3,
    message: "not a cursor: x",
    details: [anyPack(ErrorInfoSchema, info)],
  });
  const error = fromServiceError(thrown("not a cursor%3A x", toBinary(StatusSchema, status)));
  expect(error.rawMessage).toBe("not a cursor: x");
  expect(error.findDetails(ErrorInfoSchema)).toEqual([info]);
});

test("without details, or with broken ones, code and message stand", () => {
  for (const trailer of [
    undefined,
    Uint8Array.of(0xff, 0xff),
    toBinary(StatusSchema, create(StatusSchema)),
  ]) {
    expect(fromServiceError(thrown("too big", trailer))).toMatchObject({
      code: Code.InvalidArgument,
      rawMessage: "too big",
      details: [],
    });
  }
});
