// A range of any length as NDJSON or CSV, in order of time, with the memory of one message.
import type { MessageInitShape } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import type { Batch, Samples } from "#gen/millrace/v1/signal_pb.ts";
import {
  type ReadSignalsRequestSchema,
  type ReadSignalsResponse,
  SignalService,
} from "#gen/millrace/v1/signal_service_pb.ts";
import { toCsvLine, toCsvText, toSafeText } from "../../codec/row/csv-text.ts";
import { durationText } from "../../codec/row/duration.ts";
import { toJsonText } from "../../codec/row/json-text.ts";
import { batchRows, exportColumnsOf } from "../../codec/row/record-rows.ts";
import { RowBytes, type RowShape } from "../../codec/row/row-bytes.ts";
import { sampleTypeWord } from "../../codec/row/sample-type.ts";
import { timesOf } from "../../codec/wire/samples.ts";
import { receivedBytes } from "../../runtime/grpc/received.ts";
import { Turns } from "../../runtime/turns.ts";
import { countRecords } from "../limits/count-records.ts";
import type { Upstream } from "../upstream/upstream.ts";
import type { Body } from "./body.ts";
import type { RestAnswer } from "./call.ts";
import { readAhead } from "./cut.ts";
import type { Format } from "./formats.ts";
import { mergeByTime, type Series } from "./merge.ts";
import { answerTable, tableHead } from "./table.ts";
import { toUs } from "./time.ts";

export type ExportOptions = {
  upstream: Upstream;
  abort: AbortSignal;
  format: Format;
  /** Name of the saved file, without its extension. */
  fileName: string;
  /** Stops after this many rows. */
  limit: number | undefined;
  /** Whether texts in CSV are made safe for spreadsheets: for samples, the names and the unit. */
  safe: boolean;
};

/** Rejects if the accessor refuses the request, before anything is written. */
export async function exportRange(
  request: MessageInitShape<typeof ReadSignalsRequestSchema> & { signals: [string] },
  { upstream, abort, format, fileName, limit: asked, safe }: ExportOptions,
): Promise<RestAnswer> {
  await using opened = new AsyncDisposableStack();
  const { transport } = opened.use(upstream.borrow());
  const answer = createClient(SignalService, transport).readSignals(request, { signal: abort });
  const slices = answer[Symbol.asyncIterator]();
  opened.defer(async () => void (await slices.return?.()));
  const next = async () => {
    const slice = await slices.next();
    return slice.done ? undefined : slice.value;
  };
  const { ahead, cut } = await readAhead(next, { limit: asked, rowsOf: countRows });
  const limit = asked ?? Number.POSITIVE_INFINITY;
  const [name] = request.signals;
  const [first] = ahead;
  const all = withAhead(ahead, next);
  // The answer is what holds the stream from now on.
  const held = opened.move();
  const close = () => held.disposeAsync();
  const head = tableHead({ format, fileName, cursor: first?.cursor ?? "", cut });
  if (name === "state" || name === "error") {
    const pages = sparseRows(all, limit);
    const table = answerTable(pages, {
      format,
      columns: exportColumnsOf(name),
      fileName,
      cursor: "",
      cut,
      safe,
    });
    return { ...table, ...head, close } as RestAnswer;
  }
  return {
    ...head,
    compress: true,
    write: (body) => writeSamples(all, body, { name, format, limit, safe }),
    close,
  };
}

async function* withAhead<T>(
  ahead: T[],
  next: () => Promise<T | undefined>,
): AsyncGenerator<T, void, undefined> {
  for (let one = ahead.shift(); one !== undefined; one = ahead.shift() ?? (await next())) yield one;
}

const countRows = ({ batches }: ReadSignalsResponse): number =>
  batches.reduce((sum, batch) => sum + countRecords(batch), 0);

/** State changes and error reports of each slice, few enough to be sorted. */
async function* sparseRows(slices: AsyncIterable<ReadSignalsResponse>, limit: number) {
  let left = limit;
  for await (const { batches } of slices) {
    const rows = batches.flatMap((batch) => Array.from(batchRows(batch)));
    // Texts of equal length sort like their times; these differ only in the digits of a second.
    rows.sort((a, b) => compare(fullTime(a.time), fullTime(b.time)));
    yield rows.slice(0, left);
    left -= rows.length;
    if (left <= 0) return;
  }
}

const fullTime = (time = "") => `${time.slice(0, 19)}.${time.slice(20, -1).padEnd(6, "0")}`;
const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

type SampleOptions = { name: string; format: Format; limit: number; safe: boolean };

async function writeSamples(
  slices: AsyncIterable<ReadSignalsResponse>,
  body: Body,
  { name, format, limit, safe }: SampleOptions,
): Promise<void> {
  const rows = new RowBytes();
  const shapes = new Map<string, RowShape>();
  const shapeOf = (machine: string, { unit, maxGap, sampleType }: Samples): RowShape => {
    const gap = maxGap && durationText(toUs(maxGap));
    const key = `${gap ?? ""} ${sampleType} ${machine}\0${unit}`;
    const known = shapes.get(key);
    if (known) return known;
    const made = toShape(
      { machine, signal: name, unit, gap, type: sampleTypeWord(sampleType) },
      { format, safe },
    );
    // Machines occur again in every slice, but beyond some thousands their shapes are not worth
    // keeping.
    if (shapes.size < 10_000) shapes.set(key, made);
    return made;
  };
  const turns = new Turns();
  const send = async () => {
    const taken = rows.take();
    await body.write(taken, () => rows.giveBack(taken));
    // A client that reads everything at once would leave no turn for others.
    await turns.pause();
  };
  let left = limit;
  const take = (shape: RowShape, timeUs: number, value: number) => {
    if (left-- <= 0) return false as const;
    const wait = rows.isFull(shape) ? send() : undefined;
    rows.sample(shape, timeUs, value);
    return wait;
  };
  if (format === "csv") await body.write(toCsvLine(exportColumnsOf(name)));
  for await (const slice of slices) {
    body.holds(receivedBytes(slice));
    const { batches } = slice;
    const columns = batches.flatMap((batch) => toSeries(batch, shapeOf));
    if (!(await mergeByTime(columns, take))) break;
  }
  if (rows.length > 0) await send();
  body.end();
}

type ShapeOf = (machine: string, column: Samples) => RowShape;

const toSeries = ({ machine, samples }: Batch, shapeOf: ShapeOf): Series<RowShape>[] =>
  samples.map((column) => ({
    of: shapeOf(machine, column),
    timesUs: timesOf(column),
    values: column.values,
  }));

type ShapeTexts = {
  machine: string;
  signal: string;
  unit: string;
  gap: string | undefined;
  type: string | undefined;
};

function toShape(
  { machine, signal, unit, gap, type }: ShapeTexts,
  { format, safe }: Pick<SampleOptions, "format" | "safe">,
): RowShape {
  const text = (plain: string) => (safe ? toSafeText(plain) : plain);
  const declared = [
    unit === "" ? "" : `,"unit":${toJsonText(unit)}`,
    gap === undefined ? "" : `,"max_gap":"${gap}"`,
    type === undefined ? "" : `,"sample_type":"${type}"`,
  ].join("");
  const [head, middle, end] =
    format === "csv"
      ? [
          `${toCsvText(text(machine))},${toCsvText(signal)},`,
          ",",
          `,${toCsvText(text(unit))},${gap ?? ""},${type ?? ""}\n`,
        ]
      : [
          `{"machine":${toJsonText(machine)},"signal":${toJsonText(signal)},"time":"`,
          '","value":',
          `${declared}}\n`,
        ];
  return { head: Buffer.from(head), middle: Buffer.from(middle), end: Buffer.from(end) };
}
