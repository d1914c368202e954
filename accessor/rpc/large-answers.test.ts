// While a full page of an answer is encoded, others have their turns.
import { ConnectError, createClient, type HandlerContext } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { SignalService } from "#gen/millrace/v1/signal_service_pb.ts";
import { type GrpcServerOptions, openGrpcServer } from "../../runtime/grpc/server.ts";
import { createGrpcTransport } from "../../runtime/grpc/transport.ts";
import { at, epochUs } from "../testing/batches.ts";

const options: GrpcServerOptions = {
  host: "127.0.0.1",
  port: 0,
  maxMessageBytes: 2 ** 20,
  drainMs: 500,
  toError: (error) => ConnectError.from(error),
  shutdownReason: () => new Error("stopping"),
};

const buckets = Array.from({ length: 17_000 }, (_, i) => ({
  startTime: at(epochUs + i),
  endTime: at(epochUs + i + 1),
  count: 5n,
  min: i,
  max: i + 1,
  mean: i + 0.5,
  minTime: at(epochUs + i),
  maxTime: at(epochUs + i),
  firstTime: at(epochUs + i),
  lastTime: at(epochUs + i),
}));

test("a page of buckets is encoded in turns and comes as it is; a small answer waits for nobody", async () => {
  let turns = 0;
  const ofCall: number[] = [];
  const count = ({ signal: abort }: HandlerContext) => {
    const before = turns;
    // Aborted as soon as the answer is encoded.
    abort.addEventListener("abort", () => ofCall.push(turns - before));
  };
  await using server = await openGrpcServer(options, (mount) => {
    mount(SignalService, {
      aggregateSamples(_request, context) {
        count(context);
        return { series: [{ machine: "m1", signal: "power", buckets }], cursor: "c" };
      },
      getLatest(_request, context) {
        count(context);
        return { cursor: "c" };
      },
    });
  });
  using transport = createGrpcTransport({ baseUrl: `http://127.0.0.1:${server.port}` });
  const client = createClient(SignalService, transport);
  let stopped = false;
  const other = () => {
    turns++;
    if (!stopped) setImmediate(other);
  };
  setImmediate(other);
  const { series, cursor } = await client.aggregateSamples({});
  await client.getLatest({});
  stopped = true;
  expect(cursor).toBe("c");
  expect(series.map(({ machine }) => machine)).toEqual(["m1"]);
  expect(series[0]!.buckets).toHaveLength(17_000);
  expect(series[0]!.buckets[16_999]).toMatchObject(buckets[16_999]!);
  const [large, small] = ofCall;
  expect(large).toBeGreaterThan(3);
  expect(small).toBe(0);
});
