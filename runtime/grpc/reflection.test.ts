// Reflection, both versions: every file with all its imports, every symbol in a file that has it,
// and no for what is not there.

import type { MessageInitShape } from "@bufbuild/protobuf";
import { fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { Health } from "#gen/grpc/health/v1/health_pb.ts";
import {
  ServerReflection,
  type ServerReflectionRequestSchema,
} from "#gen/grpc/reflection/v1/reflection_pb.ts";
import { ServerReflection as ServerReflectionV1Alpha } from "#gen/grpc/reflection/v1alpha/reflection_pb.ts";
import { IngestService } from "#gen/millrace/v1/ingest_service_pb.ts";
import { SignalService } from "#gen/millrace/v1/signal_service_pb.ts";
import { mountReflection } from "./reflection.ts";
import { openGrpcServer } from "./server.ts";
import { createGrpcTransport } from "./transport.ts";

type Request = MessageInitShape<typeof ServerReflectionRequestSchema>["messageRequest"];

async function openReflection() {
  await using stack = new AsyncDisposableStack();
  const server = stack.use(
    await openGrpcServer(
      {
        host: "127.0.0.1",
        port: 0,
        maxMessageBytes: 1 << 20,
        drainMs: 1_000,
        shutdownReason: () => new ConnectError("stopping", Code.Unavailable),
        toError: (error) => ConnectError.from(error),
      },
      (mount) => mountReflection(mount, [IngestService, SignalService, Health]),
    ),
  );
  const transport = stack.use(createGrpcTransport({ baseUrl: `http://127.0.0.1:${server.port}` }));
  const owned = stack.move();
  const ask = async (service: typeof ServerReflection, messageRequest: Request) => {
    const requests = (async function* () {
      yield { messageRequest };
    })();
    for await (const { messageResponse } of createClient(service, transport).serverReflectionInfo(
      requests,
    ))
      return messageResponse;
    throw new Error("no answer");
  };
  return {
    ask,
    async files(service: typeof ServerReflection, messageRequest: Request) {
      const { case: kind, value } = await ask(service, messageRequest);
      if (kind !== "fileDescriptorResponse")
        throw new Error(`${JSON.stringify(messageRequest)}: ${kind}`);
      return value.fileDescriptorProto.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes));
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

const versions = [
  ["v1", ServerReflection],
  ["v1alpha", ServerReflectionV1Alpha as unknown as typeof ServerReflection],
] as const;

test.for(versions)(
  "%s: from the services to every file and every symbol in them",
  async ([, version]) => {
    await using reflection = await openReflection();
    const { ask, files } = reflection;
    const { value } = await ask(version, { case: "listServices", value: "" });
    const services = (value as { service: { name: string }[] }).service.map(({ name }) => name);
    expect(services).toEqual(
      expect.arrayContaining([IngestService.typeName, SignalService.typeName, Health.typeName]),
    );

    const known = new Map<string, { dependency: string[]; symbols: string[] }>();
    for (const name of services) {
      for (const file of await files(version, { case: "fileContainingSymbol", value: name })) {
        const symbols: string[] = file.enumType.map((item) => `${file.package}.${item.name}`);
        const visit = (prefix: string, messages: typeof file.messageType) => {
          // A map's entries are no type of their own.
          for (const message of messages.filter(({ options }) => !options?.mapEntry)) {
            const name = `${prefix}.${message.name}`;
            symbols.push(name, ...message.enumType.map((item) => `${name}.${item.name}`));
            symbols.push(...message.field.map((field) => `${name}.${field.name}`));
            visit(name, message.nestedType);
          }
        };
        visit(file.package, file.messageType);
        symbols.push(...file.extension.map((extension) => `${file.package}.${extension.name}`));
        for (const service of file.service) {
          symbols.push(`${file.package}.${service.name}`);
          symbols.push(
            ...service.method.map((method) => `${file.package}.${service.name}.${method.name}`),
          );
        }
        known.set(file.name, { dependency: file.dependency, symbols });
      }
    }
    expect([...known.keys()]).toContain("buf/validate/validate.proto");
    for (const [name, { dependency, symbols }] of known) {
      const closure = await files(version, { case: "fileByFilename", value: name });
      expect(closure[0]!.name).toBe(name);
      expect(closure.map((file) => file.name)).toEqual(expect.arrayContaining(dependency));
      for (const imported of dependency) expect([...known.keys()]).toContain(imported);
      for (const symbol of symbols)
        expect(
          (await files(version, { case: "fileContainingSymbol", value: symbol }))[0]!.name,
          symbol,
        ).toBe(name);
    }
  },
);

test.for(versions)("%s: extensions by number, and what is not there", async ([, version]) => {
  await using reflection = await openReflection();
  const { ask, files } = reflection;
  const containingType = "google.protobuf.FieldOptions";
  const { value } = await ask(version, {
    case: "allExtensionNumbersOfType",
    value: containingType,
  });
  const { extensionNumber } = value as { extensionNumber: number[] };
  expect(extensionNumber).toContain(1159);
  const extension = { containingType, extensionNumber: 1159 };
  const [file] = await files(version, { case: "fileContainingExtension", value: extension });
  expect(file!.name).toBe("buf/validate/validate.proto");
  for (const missing of [
    { case: "fileByFilename", value: "no.proto" },
    { case: "fileContainingSymbol", value: "no.Symbol" },
    { case: "fileContainingExtension", value: { containingType, extensionNumber: 1 } },
  ] as const)
    expect(await ask(version, missing)).toMatchObject({
      case: "errorResponse",
      value: { errorCode: Code.NotFound },
    });
});
