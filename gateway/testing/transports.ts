// For tests: a transport to the gateway for every protocol that it speaks, by name.
import type { Transport } from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcWebTransport,
  createGrpcTransport as createNodeGrpc,
} from "@connectrpc/connect-node";
import { createGrpcTransport } from "../../runtime/grpc/transport.ts";

export const transportsTo = (baseUrl: string): Record<string, Transport> => ({
  "gRPC by grpc-js": createGrpcTransport({ baseUrl }),
  "gRPC by connect-node": createNodeGrpc({ baseUrl }),
  "gRPC-Web over HTTP/1.1": createGrpcWebTransport({ baseUrl, httpVersion: "1.1" }),
  "gRPC-Web over HTTP/2": createGrpcWebTransport({ baseUrl, httpVersion: "2" }),
  "Connect JSON over HTTP/1.1": createConnectTransport({
    baseUrl,
    httpVersion: "1.1",
    useBinaryFormat: false,
  }),
  "Connect GET": createConnectTransport({
    baseUrl,
    httpVersion: "1.1",
    useHttpGet: true,
    useBinaryFormat: false,
  }),
  "Connect binary over HTTP/2": createConnectTransport({
    baseUrl,
    httpVersion: "2",
    useBinaryFormat: true,
  }),
});

export const allKinds = [
  "gRPC by grpc-js",
  "gRPC by connect-node",
  "gRPC-Web over HTTP/1.1",
  "gRPC-Web over HTTP/2",
  "Connect JSON over HTTP/1.1",
  "Connect GET",
  "Connect binary over HTTP/2",
];
