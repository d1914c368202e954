// A service with a method of each kind, made of well-known types, and a server and client of it for
// tests.
import { create, createFileRegistry, type DescService } from "@bufbuild/protobuf";
import type { GenService } from "@bufbuild/protobuf/codegenv2";
import {
  type BytesValueSchema,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  file_google_protobuf_wrappers,
} from "@bufbuild/protobuf/wkt";
import {
  type Client,
  Code,
  ConnectError,
  createClient,
  type ServiceImpl,
} from "@connectrpc/connect";
import { type GrpcServer, type GrpcServerOptions, openGrpcServer } from "../grpc/server.ts";
import { createGrpcTransport, type GrpcTransport } from "../grpc/transport.ts";

type Bytes = { input: typeof BytesValueSchema; output: typeof BytesValueSchema };

export type TestService = GenService<{
  unary: Bytes & { methodKind: "unary" };
  serverStream: Bytes & { methodKind: "server_streaming" };
  clientStream: Bytes & { methodKind: "client_streaming" };
  bidi: Bytes & { methodKind: "bidi_streaming" };
}>;

const inputType = ".google.protobuf.BytesValue";
const file = create(FileDescriptorProtoSchema, {
  name: "test.proto",
  package: "test",
  syntax: "proto3",
  dependency: ["google/protobuf/wrappers.proto"],
  service: [
    {
      name: "TestService",
      method: [
        { name: "Unary", inputType, outputType: inputType },
        { name: "ServerStream", inputType, outputType: inputType, serverStreaming: true },
        { name: "ClientStream", inputType, outputType: inputType, clientStreaming: true },
        {
          name: "Bidi",
          inputType,
          outputType: inputType,
          clientStreaming: true,
          serverStreaming: true,
        },
      ],
    },
  ],
});
const registry = createFileRegistry(
  create(FileDescriptorSetSchema, { file: [file_google_protobuf_wrappers.proto, file] }),
);
export const testService = registry.getService("test.TestService") as DescService as TestService;

/** A message of `length` bytes. */
export const bytes = (length: number, fill = 0) => ({ value: new Uint8Array(length).fill(fill) });

export interface TestServer extends AsyncDisposable {
  readonly server: GrpcServer;
  readonly transport: GrpcTransport;
  readonly client: Client<TestService>;
}

/** Methods that are not given answer UNIMPLEMENTED. */
export async function openTestServer(
  impl: Partial<ServiceImpl<TestService>>,
  options: Partial<GrpcServerOptions> = {},
): Promise<TestServer> {
  await using stack = new AsyncDisposableStack();
  const server = stack.use(
    await openGrpcServer(
      {
        host: "127.0.0.1",
        port: 0,
        maxMessageBytes: 1 << 20,
        drainMs: 2_000,
        shutdownReason: () => new ConnectError("the server is stopping", Code.Unavailable),
        toError: (error) => ConnectError.from(error, Code.Internal),
        ...options,
      },
      (mount) => mount(testService, impl as ServiceImpl<TestService>),
    ),
  );
  const transport = stack.use(createGrpcTransport({ baseUrl: `http://127.0.0.1:${server.port}` }));
  const owned = stack.move();
  return {
    server,
    transport,
    client: createClient(testService, transport),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

export async function collect<T>(messages: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const message of messages) all.push(message);
  return all;
}
