// -0 arrives through every protocol that carries JSON, in answers small and large, whole and
// streamed, compressed and not.
import { createClient, type Transport } from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SignalService } from "#gen/millrace/v1/signal_service_pb.ts";
import { openTestGateway, type TestGateway } from "../testing/gateway.ts";

let gateway: TestGateway;
const transports: Record<string, Transport> = {};
beforeAll(async () => {
  gateway = await openTestGateway();
  const inJson = { baseUrl: gateway.baseUrl, useBinaryFormat: false };
  Object.assign(transports, {
    Connect: createConnectTransport({ ...inJson, httpVersion: "1.1" }),
    "Connect, uncompressed": createConnectTransport({
      ...inJson,
      httpVersion: "1.1",
      acceptCompression: [],
    }),
    "Connect GET": createConnectTransport({ ...inJson, httpVersion: "1.1", useHttpGet: true }),
    "gRPC-Web": createGrpcWebTransport({ ...inJson, httpVersion: "2" }),
    gRPC: createGrpcTransport(inJson),
  });
});
afterAll(() => gateway[Symbol.asyncDispose]());

const startUs = 1_772_352_000_000_000n;
/** Large enough to be compressed. */
const long = (last: number) =>
  Array.from({ length: 3_000 }, (_, i) => (i === 2_999 ? last : i / 7));

describe.each(["Connect", "Connect, uncompressed", "Connect GET", "gRPC-Web", "gRPC"])(
  "%s in JSON",
  (kind) => {
    const client = () => createClient(SignalService, transports[kind]!);

    test.each([[[-0]], [[0]], [[1, -0, 5e-324]], [long(-0)], [long(0)]])(
      "a page",
      async (values) => {
        gateway.accessor.signals.querySignals = () => ({
          signals: values.map((value) => ({
            machine: "mill-1",
            signal: "power",
            record: { case: "value" as const, value },
          })),
          cursor: "c7",
        });
        const { signals, cursor } = await client().querySignals({ signal: "power" });
        // toEqual distinguishes -0 from 0.
        expect(signals.map(({ record }) => record.value)).toEqual(values);
        expect(cursor).toBe("c7");
      },
    );

    test("a stream, in whichever message", async () => {
      const sent = [[1, 2], [-0, 0], [0], [], long(-0), long(0), [5e-324, -0], [0.1 + 0.2]];
      gateway.accessor.signals.readSignals = async function* () {
        for (const values of sent) {
          const times = { case: "grid" as const, value: { startUs, periodUs: 1n } };
          yield { batches: [{ machine: "mill-1", samples: [{ signal: "power", times, values }] }] };
        }
      };
      const came: number[][] = [];
      for await (const { batches } of client().readSignals({ signals: ["power"] })) {
        came.push(batches[0]!.samples[0]!.values);
      }
      expect(came).toEqual(sent);
    });
  },
);

test("the answer says its own length, and an error is left as it is", async () => {
  gateway.accessor.signals.querySignals = () => ({
    signals: [{ record: { case: "value", value: -0 } }],
  });
  const method = `${gateway.baseUrl}/millrace.v1.SignalService/QuerySignals`;
  const post = { method: "POST", headers: { "content-type": "application/json" } };
  const answer = await fetch(method, { ...post, body: '{"signal":"power"}' });
  expect(await answer.text()).toBe('{"signals":[{"value":-0}]}');
  expect(answer.headers.get("content-length")).toBe("26");
  const refused = await fetch(method, { ...post, body: '{"signal":7}' });
  expect([refused.status, ((await refused.json()) as { code: string }).code]).toEqual([
    400,
    "invalid_argument",
  ]);
});
