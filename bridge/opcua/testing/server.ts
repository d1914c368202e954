// An OPC UA server for tests, with a few variables; and a way to it that can be cut or made silent.
import { connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { OPCUACertificateManager } from "node-opcua-certificate-manager";
import {
  type DataType,
  type StatusCode,
  StatusCodes,
  Variant,
  VariantArrayType,
} from "node-opcua-client";
import { nodesets } from "node-opcua-nodesets";
import { OPCUAServer } from "node-opcua-server";

export type TestServer = AsyncDisposable & {
  readonly port: number;
  /** Sets the value of a variable, as its source measured it. */
  set(
    name: string,
    dataType: DataType,
    value: unknown,
    more?: { at?: Date; status?: StatusCode },
  ): void;
};

/** The part of a variable that tests use. */
type Variable = { setValueFromSource(value: Variant, status: StatusCode, at: Date): void };

/** The namespace of the server's own variables. */
const ownNamespace = 1;

/** Variables by name, "ns=1;s=NAME", with their type. */
export async function openOpcuaServer(
  port: number,
  variables: Readonly<Record<string, keyof typeof DataType>>,
  folder: string,
): Promise<TestServer> {
  const certificates = new OPCUACertificateManager({
    rootFolder: join(folder, "server-pki"),
    automaticallyAcceptUnknownCertificate: true,
  });
  const server = new OPCUAServer({
    port,
    hostname: "127.0.0.1",
    nodeset_filename: [nodesets.standard],
    serverCertificateManager: certificates,
    userCertificateManager: certificates,
    serverInfo: { applicationUri: "urn:millrace-test" },
    allowAnonymous: true,
    isAuditing: false,
  });
  await server.initialize();
  const { addressSpace } = server.engine;
  const namespace = addressSpace!.getOwnNamespace();
  if (namespace.index !== ownNamespace) throw new Error(`own namespace ${namespace.index}`);
  const byName = new Map<string, Variable>();
  for (const [name, dataType] of Object.entries(variables))
    byName.set(
      name,
      namespace.addVariable({
        organizedBy: addressSpace!.rootFolder.objects,
        browseName: name,
        nodeId: `s=${name}`,
        dataType,
        minimumSamplingInterval: 10,
      }),
    );
  await server.start();
  return {
    port,
    set(name, dataType, value, { at = new Date(), status = StatusCodes.Good } = {}) {
      const variant = new Variant({ dataType, value, arrayType: VariantArrayType.Scalar });
      byName.get(name)!.setValueFromSource(variant, status, at);
    },
    async [Symbol.asyncDispose]() {
      await server.shutdown(0);
    },
  };
}

export type Way = AsyncDisposable & {
  readonly port: number;
  /** Passes nothing on, and closes nothing. */
  silent: boolean;
  /** Cuts every connection. */
  cut(): void;
  readonly connections: number;
};

/** A proxy on a free port before a server. */
export async function openWay(toPort: number): Promise<Way> {
  const sockets = new Set<Socket>();
  let connections = 0;
  const way = { silent: false };
  const server: Server = createServer((socket) => {
    connections++;
    const upstream = connect(toPort, "127.0.0.1");
    for (const [from, to] of [
      [socket, upstream],
      [upstream, socket],
    ] as const) {
      sockets.add(from);
      from.on("data", (bytes) => void (way.silent || to.write(bytes)));
      from.on("error", () => {});
      from.on("close", () => {
        sockets.delete(from);
        to.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  return Object.assign(way, {
    port: (server.address() as { port: number }).port,
    cut,
    get connections() {
      return connections;
    },
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      cut();
      await closed;
    },
  });
}
