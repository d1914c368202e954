// ConnectError to grpc-js status and back, with its details: the one mapping between the two.
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { type Any, AnySchema, anyPack } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { Metadata, type StatusObject } from "@grpc/grpc-js";
import { type Status, StatusSchema } from "#gen/google/rpc/status_pb.ts";

const detailsKey = "grpc-status-details-bin";
const typeUrlPrefix = "type.googleapis.com/";

/** Connect's codes are gRPC's numbers, so only message, metadata and details need conversion. */
export function toStatusObject(error: unknown): StatusObject {
  const { code, rawMessage, metadata: headers, details } = ConnectError.from(error, Code.Internal);
  const metadata = new Metadata();
  headers.forEach((value, key) => {
    if (!key.endsWith("-bin")) metadata.set(key, value);
  });
  if (details.length > 0) {
    const status = create(StatusSchema, { code, message: rawMessage, details: details.map(toAny) });
    metadata.set(detailsKey, Buffer.from(toBinary(StatusSchema, status)));
  }
  return { code: code as number, details: rawMessage, metadata };
}

function toAny(detail: ConnectError["details"][number]): Any {
  if ("desc" in detail) return anyPack(detail.desc, create(detail.desc, detail.value));
  return create(AnySchema, { typeUrl: typeUrlPrefix + detail.type, value: detail.value });
}

/**
 * An error of a grpc-js call as ConnectError; anything else becomes Unknown. cause: the underlying
 * error, if it is not this one.
 */
export function fromServiceError(error: unknown, cause: unknown = error): ConnectError {
  if (!isStatus(error)) return ConnectError.from(error);
  const headers = new Headers();
  for (const [key, value] of Object.entries(error.metadata?.getMap() ?? {})) {
    if (typeof value === "string") headers.append(key, value);
  }
  const status = readStatus(error.metadata?.get(detailsKey)[0]);
  // grpc-js decodes grpc-message with decodeURI, which leaves a "%3A" of another server undecoded.
  const message = status?.message || error.details;
  const connectError = new ConnectError(
    message,
    error.code as number as Code,
    headers,
    undefined,
    cause,
  );
  connectError.isWireError = true;
  connectError.details = (status?.details ?? []).map(({ typeUrl, value }) => ({
    type: typeUrl.slice(typeUrl.lastIndexOf("/") + 1),
    value,
  }));
  return connectError;
}

/**
 * Undefined if it is missing or broken: a broken one must not hide the code and message beside it.
 */
function readStatus(trailer: unknown): Status | undefined {
  if (!Buffer.isBuffer(trailer)) return undefined;
  try {
    // Headers are bounded (16 KiB or similar), so this is too; details stay bytes until one is
    // read.
    return fromBinary(StatusSchema, trailer, { readUnknownFields: false });
  } catch {
    return undefined;
  }
}

function isStatus(error: unknown): error is StatusObject {
  return (
    error instanceof Error &&
    "code" in error &&
    typeof error.code === "number" &&
    "details" in error
  );
}
