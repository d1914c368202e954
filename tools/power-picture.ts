// The picture of README.md: a minute of a machine's power, its states and its errors, drawn from
// answers of the REST API. This file queries and draws; readme-picture.ts writes the picture.

const width = 960;
const height = 456;
/** Edges of the chart's lines: pixels from the left and the top. */
const chart = { left: 64, right: 936, top: 108, bottom: 330 };
const stateColours: Readonly<Record<string, string>> = {
  ACTIVE: "#22c55e",
  IDLE: "#eab308",
  FAULT: "#ef4444",
  OFF: "#64748b",
};

/** The parts of the answers that are drawn. */
type Bucket = { time: string; end_time: string; min: number; max: number; mean: number };
type Interval = { state: string; reason: string; start_time: string; end_time?: string };
type ErrorRecord = { time: string; severity: string; code: string; message: string };

export type PictureOptions = {
  /** URL of a gateway. */
  gateway: string;
  machine: string;
  /** RFC 3339, in UTC. */
  from: string;
  to: string;
};

/** The picture's contents in README.md: a minute of the simulator, with its default seed. */
export const pictured = {
  machine: "press-2",
  from: "2026-11-30T18:02:00Z",
  to: "2026-11-30T18:03:00Z",
} as const;

/** Queries the gateway and draws its answers, as SVG. Fails if it answers with an error. */
export async function drawPower({ gateway, machine, from, to }: PictureOptions): Promise<string> {
  const query = `machine=${machine}&from=${from}&to=${to}`;
  const buckets = `/signals/power/buckets?${query}&points=600`;
  const [power, states, errors] = await Promise.all(
    [buckets, `/signals/state/intervals?${query}`, `/signals/error?${query}`].map(async (path) => {
      const answer = await fetch(gateway + path);
      if (!answer.ok) throw new Error(`${path} is answered with ${answer.status}`);
      return answer.text();
    }),
  );
  const [series] = JSON.parse(power!).series as { unit: string; buckets: Bucket[] }[];
  return draw({
    command: `curl 'http://127.0.0.1:8080${buckets}'`,
    answer: power!,
    unit: series!.unit,
    buckets: series!.buckets,
    intervals: JSON.parse(states!).intervals as Interval[],
    errors: JSON.parse(errors!).signals as ErrorRecord[],
    span: { fromMs: Date.parse(from), toMs: Date.parse(to) },
  });
}

type Drawing = {
  command: string;
  answer: string;
  unit: string;
  buckets: readonly Bucket[];
  intervals: readonly Interval[];
  errors: readonly ErrorRecord[];
  span: { fromMs: number; toMs: number };
};

function draw({ command, answer, unit, buckets, intervals, errors, span }: Drawing): string {
  const spanMs = span.toMs - span.fromMs;
  const part = (time: string) => (Date.parse(time) - span.fromMs) / spanMs;
  const x = (time: string) => {
    const within = Math.min(1, Math.max(0, part(time)));
    return pixels(chart.left + within * (chart.right - chart.left));
  };
  const top = 1000 * Math.ceil(buckets.reduce((most, { max }) => Math.max(most, max), 1) / 1000);
  const y = (value: number) => pixels(chart.bottom - (value / top) * (chart.bottom - chart.top));
  const middle = ({ time, end_time }: Bucket) =>
    pixels((Number(x(time)) + Number(x(end_time))) / 2);
  const upper = buckets.map((one) => `${middle(one)} ${y(one.max)}`);
  const lower = buckets.toReversed().map((one) => `${middle(one)} ${y(one.min)}`);
  const mean = buckets.map((one) => `${middle(one)} ${y(one.mean)}`);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" ` +
      `font-family="ui-monospace, Menlo, Consolas, monospace" font-size="12">`,
    "<title>A minute of a machine's power, states and errors, as the API answers them</title>",
    `<rect width="${width}" height="${height}" rx="12" fill="#0f172a"/>`,
    text({ x: 24, y: 32, colour: "#4ade80", size: 11.5 }, `$ ${command}`),
    ...wrapped(answer, 127).map((line, i) =>
      text({ x: 24, y: 50 + 16 * i, colour: "#94a3b8", size: 11.5 }, line),
    ),
    ...grid({ top, unit, y }),
    ...clock(span),
    `<path d="M${upper.join("L")}L${lower.join("L")}Z" fill="#38bdf8" fill-opacity=".35"/>`,
    `<path d="M${mean.join("L")}" fill="none" stroke="#7dd3fc" stroke-width="1.5"/>`,
    ...band(intervals, x),
    ...errors.flatMap((one) => errorMark(one, x(one.time))),
    ...legend(),
    "</svg>\n",
  ].join("\n");
}

const pixels = (value: number) => value.toFixed(1).replace(/\.0$/, "");

function grid({ top, unit, y }: { top: number; unit: string; y: (value: number) => string }) {
  const lines: string[] = [];
  for (let value = 0; value <= top; value += 2000) {
    const at = Number(y(value));
    lines.push(
      `<path d="M${chart.left} ${at}H${chart.right}" stroke="#334155" stroke-width=".7"/>`,
      text({ x: chart.left - 8, y: at + 4, anchor: "end" }, `${value} ${unit}`),
    );
  }
  return lines;
}

/** A label every ten seconds. */
function clock({ fromMs, toMs }: Drawing["span"]): string[] {
  const labels: string[] = [];
  for (let ms = fromMs; ms <= toMs; ms += 10_000) {
    const at = chart.left + ((ms - fromMs) / (toMs - fromMs)) * (chart.right - chart.left);
    const anchor = ms === toMs ? "end" : ms === fromMs ? "start" : "middle";
    const label = new Date(ms).toISOString().slice(11, 19);
    labels.push(text({ x: at, y: chart.bottom + 18, anchor }, label));
  }
  return labels;
}

function band(intervals: readonly Interval[], x: (time: string) => string): string[] {
  return intervals.flatMap(({ state, reason, start_time, end_time }) => {
    const from = Number(x(start_time));
    // Without an end, it lasts to the edge.
    const to = end_time === undefined ? chart.right : Number(x(end_time));
    const bar =
      `<rect x="${from}" y="362" width="${pixels(to - from)}" height="16" ` +
      `fill="${stateColours[state]}"><title>${escaped(`${state}: ${reason}`)}</title></rect>`;
    if (state !== "FAULT") return [bar];
    const label = `${state}: ${reason}`;
    return [bar, text({ x: (from + to) / 2, y: 396, colour: "#fca5a5", anchor: "middle" }, label)];
  });
}

function errorMark({ severity, code, message }: ErrorRecord, at: string): string[] {
  const label = `${severity} ${code}: ${message}`;
  return [
    `<path d="M${at} ${chart.top - 12}V378" stroke="#fb923c" stroke-dasharray="3 3"/>`,
    text({ x: Number(at), y: chart.top - 18, colour: "#fdba74", anchor: "middle" }, label),
  ];
}

/** The legend of the colours. */
function legend(): string[] {
  return Object.entries(stateColours).flatMap(([state, colour], i) => [
    `<rect x="${chart.left + 90 * i}" y="424" width="12" height="12" fill="${colour}"/>`,
    text({ x: chart.left + 90 * i + 18, y: 434 }, state),
  ]);
}

/** The beginning of a text on two lines, the second cut off. */
function wrapped(whole: string, length: number): string[] {
  return [whole.slice(0, length), `${whole.slice(length, 2 * length - 2)} …`];
}

type TextOptions = {
  x: number;
  y: number;
  colour?: string;
  size?: number;
  anchor?: "start" | "middle" | "end";
};

function text(
  { x, y, colour = "#cbd5e1", size = 12, anchor = "start" }: TextOptions,
  content: string,
): string {
  const place = `x="${pixels(x)}" y="${pixels(y)}" fill="${colour}"`;
  const form = size === 12 ? "" : ` font-size="${size}"`;
  const align = anchor === "start" ? "" : ` text-anchor="${anchor}"`;
  return `<text ${place}${form}${align}>${escaped(content)}</text>`;
}

const escaped = (content: string) =>
  content.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
