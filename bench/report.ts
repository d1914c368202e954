// The results of a bench run: figures with their baselines and targets, as one table.

/** One line of the table. */
export type Figure = {
  /** The letter as in the issue, and the measured case: "a ingest, 10,000 samples a batch". */
  readonly what: string;
  readonly ours: string;
  /** The baseline's figure in the same run. */
  readonly baseline?: string;
  /** Our figure relative to the baseline, in the form of targets: "5.1 ×", "1/12". */
  readonly ratio?: string;
  readonly target?: string;
  readonly note?: string;
};

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The value below which a fraction (0 to 1) of them lies. Sorts a copy. */
export function quantile(values: Float64Array, part: number): number {
  const sorted = values.slice().sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}

export const formatMs = (ms: number): string =>
  ms >= 10_000 ? `${digits(ms / 1000)} s` : `${digits(ms)} ms`;
export const formatRate = (perSecond: number): string => `${digits(perSecond / 1e6)} M/s`;
export const formatBytes = (bytes: number): string => `${digits(bytes)} B`;
export const formatMegabytes = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MB`;
export const formatTimes = (ratio: number): string => `${digits(ratio)} ×`;
/** Our figure as a fraction of the baseline: 1/12. */
export const formatPart = (ours: number, baseline: number): string =>
  `1/${digits(baseline / ours)}`;

/** Three significant digits, without an exponent. */
export function digits(value: number): string {
  if (!Number.isFinite(value)) return "–";
  return Math.abs(value) >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}

/** "median (least–greatest)" of several runs. */
export function spread(values: readonly number[], format: (value: number) => string): string {
  if (values.length === 1) return format(values[0]!);
  const least = values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const most = values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  return `${format(median(values))} (${digitsOf(format(least))}–${digitsOf(format(most))})`;
}

const digitsOf = (text: string) => text.split(" ")[0]!;

const columns = ["what", "ours", "baseline", "ratio", "target", "note"] as const;

/** The figures as a table in Markdown, columns aligned. */
export function toTable(figures: readonly Figure[]): string {
  const rows = [
    [...columns],
    ...figures.map((figure) => columns.map((column) => figure[column] ?? "")),
  ];
  const widths = columns.map((_, i) =>
    rows.reduce((most, row) => Math.max(most, row[i]!.length), 0),
  );
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i]!)).join(" | ")} |`;
  const [head, ...body] = rows;
  return [line(head!), line(widths.map((width) => "-".repeat(width))), ...body.map(line)].join(
    "\n",
  );
}
