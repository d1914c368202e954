// Reads messages by the text of a mapping file, as the bridge does.
import { MachineStateSchema, SeveritySchema } from "#gen/millrace/v1/signal_pb.ts";
import { toWord } from "../../codec/row/enum-words.ts";
import type { RowRecord } from "../../codec/row/row-record.ts";
import { readMapping } from "../mapping/mapping-file.ts";
import { createReader } from "../reading.ts";

/** When messages of the tests come. */
export const receivedUs = Date.UTC(2026, 2, 1, 8) * 1000;

type Given = { retained?: boolean; redelivered?: boolean; receivedUs?: number };

export function readerBy(toml: string) {
  const { read, filters } = createReader(readMapping(toml), { maxPayloadBytes: 4096 });
  return {
    filters,
    read(topic: string, payload: string | Uint8Array, given: Given = {}) {
      const bytes = typeof payload === "string" ? Buffer.from(payload) : payload;
      const delivery = { retained: false, redelivered: false, receivedUs, ...given };
      const { records, ...rest } = read({ topic, payload: bytes, ...delivery });
      return { ...rest, records: records.map(shown) };
    },
  };
}

/** A record in a line: its machine, signal, seconds after `receivedUs`, and what it says. */
export function shown(record: RowRecord): string {
  const { machine, timeUs } = record;
  const at = `${machine} ${(timeUs - receivedUs) / 1e6}`;
  if (record.kind === "state")
    return `${at} state ${toWord(MachineStateSchema, record.state)} ${record.reason}`.trimEnd();
  if (record.kind === "error")
    return `${at} error ${toWord(SeveritySchema, record.severity)} ${record.code} ${record.message}`.trimEnd();
  return `${at} ${record.signal} ${record.value} ${record.unit}`.trimEnd();
}
