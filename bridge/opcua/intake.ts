// Makes records of the values that a server sends, and gives them to the store.
import type { DataValue } from "node-opcua-client";
import type { RowRecord } from "../../codec/row/row-record.ts";
import type { Log } from "../../runtime/log.ts";
import { documentOf } from "../mapping/document.ts";
import type { OpcuaMapping } from "../mapping/opcua-section.ts";
import { type Applied, applyRule } from "../mapping/records.ts";
import type { RecordStore } from "../store/record-store.ts";
import { plainValue, timeOf } from "./plain-value.ts";

export type IntakeCounts = {
  values: number;
  records: number;
  /** Values of bad quality, which are gaps. */
  bad: number;
  /** Values that the mapping cannot read. */
  unreadable: number;
  /** Records that came while too many waited for the disk. */
  lost: number;
};

export type Intake = {
  readonly counts: Readonly<IntakeCounts>;
  take(index: number, value: DataValue): void;
};

/** Records that may wait for the disk: OPC UA has no way to make a server wait. */
const maxWaiting = 200_000;
const maxNamed = 20;

export function createIntake(options: {
  mapping: OpcuaMapping;
  store: Pick<RecordStore, "add">;
  log: Log;
  /** The time of values that have none. */
  nowUs?: () => number;
}): Intake {
  const { mapping, store, log, nowUs = () => Date.now() * 1000 } = options;
  const counts: IntakeCounts = { values: 0, records: 0, bad: 0, unreadable: 0, lost: 0 };
  const named = new Set<string>();
  let waiting = 0;

  /** Says the first faults of each node. */
  function say(message: string, nodeId: string, more: object): void {
    const key = `${message} ${nodeId}`;
    if (named.size >= maxNamed || named.has(key)) return;
    named.add(key);
    log.warn(message, { node: nodeId, ...more });
  }

  function keep(records: readonly RowRecord[]): void {
    if (records.length === 0) return;
    if (waiting + records.length > maxWaiting) {
      if (counts.lost === 0) log.error("the spool is full: values of the server are lost");
      counts.lost += records.length;
      return;
    }
    waiting += records.length;
    counts.records += records.length;
    void store.add(records).then(() => {
      waiting -= records.length;
    });
  }

  return {
    counts,
    take(index, value) {
      counts.values++;
      const { nodeId, rule } = mapping.nodes[index]!;
      const { statusCode } = value;
      // Of the two highest bits, 0 is good and 1 is uncertain.
      const quality = statusCode.value >>> 30;
      if (quality !== 0 && !(mapping.uncertain && quality === 1)) {
        counts.bad++;
        return;
      }
      const into: Applied = { records: [], faults: [], withoutTime: false };
      const document = documentOf(plainValue(value.value));
      applyRule(rule, { document, captures: {}, timeUs: timeOf(value) ?? nowUs(), into });
      if (into.faults.length > 0) {
        counts.unreadable++;
        say("a value cannot be stored", nodeId, { why: into.faults[0] });
      }
      keep(into.records);
    },
  };
}
