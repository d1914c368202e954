// A node of Sparkplug B for tests: makes payloads, and sends them to a reader of the bridge.
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { type MetricSchema, PayloadSchema } from "#gen/sparkplug/b/v1/payload_pb.ts";
import { readerBy, receivedUs } from "./read-by.ts";

export type MetricInit = MessageInitShape<typeof MetricSchema>;

export const atMs = receivedUs / 1000;
export const bdSeq = (value: bigint): MetricInit => ({
  name: "bdSeq",
  datatype: 8,
  value: { case: "longValue", value },
});
export const double = (value: number, more: MetricInit = {}): MetricInit => ({
  value: { case: "doubleValue", value },
  ...more,
});
export const text = (value: string, more: MetricInit): MetricInit => ({
  datatype: 12,
  value: { case: "stringValue", value },
  ...more,
});
export const power = { name: "Power", alias: 1n, datatype: 10 };

export function payload(seq: number | undefined, metrics: MetricInit[], afterMs = 0): Uint8Array {
  const timestamp = BigInt(atMs + afterMs);
  const count = seq === undefined ? {} : { seq: BigInt(seq) };
  return toBinary(PayloadSchema, create(PayloadSchema, { timestamp, metrics, ...count }));
}

/** A birth of a node with one metric, Power, of alias 1. */
export const born = payload(0, [bdSeq(0n), double(1, power)]);
/** The topic of a request for a rebirth. */
export const rebirth = ["spBv1.0/G/NCMD/N"];

/** Sends messages of the node N in the group G: "NDATA", or "DDATA device". */
export function openNode(toml = "[sparkplug]") {
  const { read } = readerBy(toml);
  let us = receivedUs;
  return (
    type: string,
    bytes: Uint8Array,
    given: { afterS?: number; redelivered?: boolean } = {},
  ) => {
    us += (given.afterS ?? 0) * 1e6;
    const [kind, device] = type.split(" ");
    const topic = `spBv1.0/G/${kind}/N${device === undefined ? "" : `/${device}`}`;
    const { records, faults, answers } = read(topic, bytes, { ...given, receivedUs: us });
    return { records, faults, asks: answers.map((answer) => answer.topic) };
  };
}
