// Reads the messages of Sparkplug nodes: births declare metrics, data gives their values, deaths
// end them. Asks for a rebirth where something was missed.
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { type MachineState, MachineStateSchema } from "#gen/millrace/v1/signal_pb.ts";
import { type Metric, type Payload, PayloadSchema } from "#gen/sparkplug/b/v1/payload_pb.ts";
import { shownName } from "../../codec/machine-name.ts";
import { enumWords } from "../../codec/row/enum-words.ts";
import type { RowRecord } from "../../codec/row/row-record.ts";
import type { Delivery, Reading } from "../mapping/delivery.ts";
import { documentOf } from "../mapping/document.ts";
import { type Applied, applyRule } from "../mapping/records.ts";
import type { SparkplugMapping } from "../mapping/sparkplug-section.ts";
import { isGood, metricValue } from "./metric.ts";
import { type BornMetric, bearMetric, machineOf, signalOf } from "./metric-rules.ts";
import { type Born, type Node, Nodes, type NodesOptions } from "./nodes.ts";
import { commandTopic, parseTopic, type SparkplugTopic } from "./topic.ts";

export type SparkplugReader = { read(delivery: Delivery): Reading; readonly nodes: Nodes };

type Message = {
  readonly at: SparkplugTopic;
  readonly node: Node;
  readonly payload: Payload;
  readonly delivery: Delivery;
  readonly into: Applied;
};

/** Devices of a node whose deaths are remembered. */
const maxDead = 10_000;
const states = enumWords<MachineState>(MachineStateSchema);
const nothing: Reading = { records: [], faults: [], skipped: undefined, answers: [] };

/** Its `read` never throws. Messages of one node must come to one reader, in order. */
export function createSparkplugReader(
  mapping: SparkplugMapping,
  options: NodesOptions & { maxPayloadBytes: number },
): SparkplugReader {
  const nodes = new Nodes(options);

  function read(delivery: Delivery): Reading {
    const at = parseTopic(delivery.topic);
    if (at === undefined) return { ...nothing, skipped: "unmapped" };
    if (at.type === "NCMD" || at.type === "DCMD") return nothing;
    // The specification retains none of these: such a message is of a session that may be over.
    if (delivery.retained) return { ...nothing, skipped: "retained" };
    const payload = readPayload(delivery.payload, options.maxPayloadBytes);
    if ("fault" in payload) return { ...nothing, faults: [payload.fault] };
    const node = nodes.get(at);
    if (node === undefined) return { ...nothing, faults: ["too many nodes"] };
    const into: Applied = { records: [], faults: [], withoutTime: false };
    const message = { at, node, payload, delivery, into };
    const needsBirth = take(message);
    const asks = needsBirth && mapping.rebirth && nodes.mayAsk(node, delivery.receivedUs);
    const answers = asks ? [rebirthRequest(at, delivery.receivedUs)] : [];
    return { records: into.records, faults: into.faults, skipped: undefined, answers };
  }

  /** Returns whether a birth is missing. */
  function take(message: Message): boolean {
    const { at, node, payload, delivery } = message;
    if (at.type === "NDEATH") {
      takeNodeDeath(message);
      return false;
    }
    if (at.type === "NBIRTH") {
      nodes.forgetAll(node);
      node.lastSeq = Number((payload.seq ?? 0n) & 255n);
      node.isComplete = true;
      node.bdSeq = bdSeqOf(payload);
      takeBirth(message);
      return false;
    }
    const complete = nodes.follow(node, payload.seq, delivery);
    if (at.type === "DBIRTH") takeBirth(message);
    else if (at.type === "DDEATH") takeDeath(message, at.device!, timeUsOf(message));
    else if (takeData(message, { complete })) return true;
    return !complete || (at.type !== "DDEATH" && !node.born.has(at.device ?? ""));
  }

  function takeBirth(message: Message): void {
    const { at, node, payload, into } = message;
    const machine = machineOf(mapping, at);
    const byName = new Map<string, BornMetric>();
    const byAlias = new Map<bigint, BornMetric>();
    const signals = new Map<string, string>();
    let hasState = false;
    for (const metric of payload.metrics) {
      const { name = "", alias } = metric;
      if (name === "") continue;
      let born = bearMetric(mapping, { metric, name, at, machine });
      const signal = signalOf(born);
      const other = signal === undefined ? undefined : signals.get(signal);
      if (other !== undefined && other !== name) {
        const both = `${shownName(name)} and ${shownName(other)}`;
        into.faults.push(`metrics ${both} are both the signal ${signal}: give one a rule`);
        born = { ...born, taken: undefined };
      } else if (signal !== undefined) signals.set(signal, name);
      byName.set(name, born);
      if (alias !== undefined) byAlias.set(alias, born);
      if (born.taken?.rule.gives.kind === "state") hasState = true;
    }
    const device = at.device ?? "";
    const stateUs = Math.max(timeUsOf(message), (node.deadUs.get(device) ?? 0) + 1);
    for (const metric of payload.metrics) {
      const born = byName.get(metric.name ?? "");
      // What state holds at the birth is known, however long ago it began.
      const isState = born?.taken?.rule.gives.kind === "state";
      if (born !== undefined)
        takeMetric(message, { metric, born, timeUs: isState ? stateUs : undefined });
    }
    if (!hasState && mapping.birthState !== undefined) {
      hasState = true;
      into.records.push(
        stateRecord(machine, {
          word: mapping.birthState,
          timeUs: stateUs,
          reason: "Sparkplug birth",
        }),
      );
    }
    node.deadUs.delete(device);
    if (!nodes.bear(node, device, { machine, byName, byAlias, hasState }))
      into.faults.push("too many metrics are alive: this birth is not kept");
  }

  /** Returns whether it has metrics that only a birth could name. */
  function takeData(message: Message, { complete }: { complete: boolean }): boolean {
    const { at, node, payload, into } = message;
    const known = node.born.get(at.device ?? "");
    let unknown = 0;
    for (const metric of payload.metrics) {
      const born = bornOf(metric, { known, complete, message });
      if (born === undefined) unknown++;
      else takeMetric(message, { metric, born });
    }
    if (unknown > 0) {
      const why =
        known === undefined
          ? "no birth was seen"
          : complete
            ? "the birth has no such alias"
            : "a message was missed since the birth";
      into.faults.push(`${unknown} metrics have only an alias, and ${why}`);
    }
    return unknown > 0;
  }

  /** The metric that data means; undefined: only its alias is given, and that is not certain. */
  function bornOf(
    metric: Metric,
    { known, complete, message }: { known: Born | undefined; complete: boolean; message: Message },
  ): BornMetric | undefined {
    const { name = "", alias } = metric;
    if (name === "")
      return alias === undefined || !complete ? undefined : known?.byAlias.get(alias);
    const { at } = message;
    return (
      known?.byName.get(name) ??
      bearMetric(mapping, { metric, name, at, machine: machineOf(mapping, at) })
    );
  }

  function takeMetric(
    { payload, delivery, into }: Message,
    { metric, born, timeUs }: { metric: Metric; born: BornMetric; timeUs?: number | undefined },
  ): void {
    const { taken } = born;
    const value = metricValue(metric, metric.datatype ?? born.datatype);
    if (taken === undefined || value === undefined || !isGood(metric)) return;
    const ms = metric.timestamp ?? payload.timestamp;
    const ownUs = ms === undefined ? delivery.receivedUs : Number(ms) * 1000;
    const { rule, captures } = taken;
    applyRule(rule, { document: documentOf(value), captures, timeUs: timeUs ?? ownUs, into });
  }

  function takeNodeDeath(message: Message): void {
    const { node, payload, delivery } = message;
    const bdSeq = bdSeqOf(payload);
    // The will of an earlier session may arrive after the next birth.
    if (bdSeq !== undefined && node.bdSeq !== undefined && bdSeq !== node.bdSeq) return;
    for (const device of [...node.born.keys()]) takeDeath(message, device, delivery.receivedUs);
    node.isComplete = false;
    node.lastSeq = undefined;
  }

  function takeDeath({ node, into }: Message, device: string, timeUs: number): void {
    const born = node.born.get(device);
    if (born === undefined) return;
    nodes.forget(node, device);
    if (mapping.death === "stale" || !born.hasState) return;
    if (node.deadUs.size < maxDead) node.deadUs.set(device, timeUs);
    into.records.push(
      stateRecord(born.machine, { word: "OFF", timeUs, reason: "Sparkplug death" }),
    );
  }

  function stateRecord(
    machine: string,
    { word, timeUs, reason }: { word: string; timeUs: number; reason: string },
  ): RowRecord {
    const { duplicates } = mapping;
    return { kind: "state", machine, timeUs, state: states.get(word)!, reason, duplicates };
  }

  return { read, nodes };
}

/** When a message was sent; when it came, if it does not say so in a way that can be stored. */
function timeUsOf({ payload, delivery }: Message): number {
  const us = Number(payload.timestamp ?? 0n) * 1000;
  return us > 0 && Number.isSafeInteger(us) ? us : delivery.receivedUs;
}

function bdSeqOf({ metrics }: Payload): bigint | undefined {
  const value = metrics.find(({ name }) => name === "bdSeq")?.value;
  return value?.case === "longValue" || value?.case === "intValue"
    ? BigInt(value.value)
    : undefined;
}

function readPayload(bytes: Uint8Array, maxBytes: number): Payload | { fault: string } {
  if (bytes.length > maxBytes)
    return { fault: `${bytes.length} bytes; at most ${maxBytes} are read` };
  try {
    return fromBinary(PayloadSchema, bytes, { readUnknownFields: false });
  } catch (error) {
    return { fault: `not a payload of Sparkplug B: ${(error as Error).message}` };
  }
}

function rebirthRequest(at: SparkplugTopic, nowUs: number) {
  const payload = create(PayloadSchema, {
    timestamp: BigInt(Math.floor(nowUs / 1000)),
    metrics: [
      {
        name: "Node Control/Rebirth",
        datatype: 11,
        value: { case: "booleanValue", value: true },
      },
    ],
  });
  return { topic: commandTopic(at), payload: toBinary(PayloadSchema, payload) };
}
