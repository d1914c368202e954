// The standard reflection service, v1 and v1alpha, from the generated descriptors: grpcurl and buf
// curl work without protos. (@grpc/reflection leaves out files that are imported for options only,
// so a client that asks for them by name fails.)
import { type DescExtension, type DescFile, type DescService, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { Code, type ServiceImpl } from "@connectrpc/connect";
import {
  type ServerReflectionRequest,
  type ServerReflectionResponse,
  ServerReflection as ServerReflectionV1,
} from "#gen/grpc/reflection/v1/reflection_pb.ts";
import { ServerReflection as ServerReflectionV1Alpha } from "#gen/grpc/reflection/v1alpha/reflection_pb.ts";
import type { Mount } from "./server.ts";

/** Mounts both versions, describing the given services and themselves. */
export function mountReflection(mount: Mount, services: readonly DescService[]): void {
  const all = [...services, ServerReflectionV1, ServerReflectionV1Alpha];
  const index = indexFiles(all.map(({ file }) => file));
  const answer = (request: ServerReflectionRequest) =>
    respond(request, { index, names: all.map(({ typeName }) => typeName) });
  mount(ServerReflectionV1, { serverReflectionInfo: (requests) => answerEach(requests, answer) });
  // The two versions differ in their package name alone.
  const alpha = {
    serverReflectionInfo: (requests: AsyncIterable<ServerReflectionRequest>) =>
      answerEach(requests, answer),
  };
  mount(ServerReflectionV1Alpha, alpha as unknown as ServiceImpl<typeof ServerReflectionV1Alpha>);
}

type Answer = Omit<ServerReflectionResponse, "$typeName" | "$unknown">;

async function* answerEach(
  requests: AsyncIterable<ServerReflectionRequest>,
  answer: (request: ServerReflectionRequest) => Answer,
) {
  for await (const request of requests) yield answer(request);
}

type Index = { byName: Map<string, DescFile>; bySymbol: Map<string, DescFile> };

function indexFiles(roots: readonly DescFile[]): Index {
  const index: Index = { byName: new Map(), bySymbol: new Map() };
  const visit = (file: DescFile) => {
    const { name } = file.proto;
    if (index.byName.has(name)) return;
    index.byName.set(name, file);
    for (const symbol of symbolsOf(file)) index.bySymbol.set(symbol, file);
    file.dependencies.forEach(visit);
  };
  roots.forEach(visit);
  return index;
}

/** Full names of everything that a file declares. */
function* symbolsOf(file: DescFile): Generator<string> {
  for (const { typeName, methods } of file.services) {
    yield typeName;
    for (const { name } of methods) yield `${typeName}.${name}`;
  }
  const messages = [...file.messages];
  const enums = [...file.enums];
  for (const message of messages) {
    yield message.typeName;
    for (const { name } of [...message.fields, ...message.oneofs])
      yield `${message.typeName}.${name}`;
    for (const nested of message.nestedMessages) messages.push(nested);
    for (const nested of message.nestedEnums) enums.push(nested);
  }
  for (const { typeName, values } of enums) {
    yield typeName;
    // The full names of an enum's values are in the enum's parent scope, not in the enum.
    for (const { name } of values) yield typeName.replace(/[^.]*$/, name);
  }
  for (const { typeName } of extensionsOf(file)) yield typeName;
}

function respond(
  request: ServerReflectionRequest,
  { index, names }: { index: Index; names: readonly string[] },
): Answer {
  const { messageRequest } = request;
  const reply = (messageResponse: ServerReflectionResponse["messageResponse"]): Answer => ({
    validHost: request.host,
    originalRequest: request,
    messageResponse,
  });
  const notFound = (what: string) =>
    reply({
      case: "errorResponse",
      value: {
        $typeName: "grpc.reflection.v1.ErrorResponse",
        errorCode: Code.NotFound,
        errorMessage: `${what} is not known`,
      },
    });
  const files = (file: DescFile | undefined, what: string) => {
    if (file === undefined) return notFound(what);
    const fileDescriptorProto = closure(file).map(({ proto }) =>
      toBinary(FileDescriptorProtoSchema, proto),
    );
    return reply({
      case: "fileDescriptorResponse",
      value: { $typeName: "grpc.reflection.v1.FileDescriptorResponse", fileDescriptorProto },
    });
  };
  switch (messageRequest.case) {
    case "listServices": {
      const service = names.map((name) => ({
        $typeName: "grpc.reflection.v1.ServiceResponse" as const,
        name,
      }));
      return reply({
        case: "listServicesResponse",
        value: { $typeName: "grpc.reflection.v1.ListServiceResponse", service },
      });
    }
    case "fileByFilename":
      return files(index.byName.get(messageRequest.value), messageRequest.value);
    case "fileContainingSymbol":
      return files(index.bySymbol.get(messageRequest.value), messageRequest.value);
    case "fileContainingExtension": {
      const { containingType, extensionNumber } = messageRequest.value;
      const holds = (file: DescFile) =>
        extensionsOf(file).some(
          ({ extendee, number }) =>
            extendee.typeName === containingType && number === extensionNumber,
        );
      return files([...index.byName.values()].find(holds), `${containingType} ${extensionNumber}`);
    }
    case "allExtensionNumbersOfType": {
      const extensions = [...index.byName.values()].flatMap(extensionsOf);
      const extensionNumber = extensions
        .filter(({ extendee }) => extendee.typeName === messageRequest.value)
        .map(({ number }) => number);
      const value = {
        $typeName: "grpc.reflection.v1.ExtensionNumberResponse" as const,
        baseTypeName: messageRequest.value,
        extensionNumber,
      };
      return reply({ case: "allExtensionNumbersResponse", value });
    }
    default:
      return notFound("the request");
  }
}

function extensionsOf(file: DescFile): DescExtension[] {
  const messages = [...file.messages];
  for (const message of messages)
    for (const nested of message.nestedMessages) messages.push(nested);
  return [...file.extensions, ...messages.flatMap(({ nestedExtensions }) => nestedExtensions)];
}

/** A file and everything that it imports, the file itself first. */
function closure(file: DescFile): DescFile[] {
  const found = new Set<DescFile>();
  const visit = (next: DescFile) => {
    if (found.has(next)) return;
    found.add(next);
    next.dependencies.forEach(visit);
  };
  visit(file);
  return [...found];
}
