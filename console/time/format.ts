// Times, lengths of time and numbers as the page shows them.
import { localTime, offsetText } from "./zone.ts";

const two = (part: number) => String(part).padStart(2, "0");

/** "08:39:18", with up to six digits of a second. */
export function clockText(timeUs: number, timeZone: string, digits = 0): string {
  const { hour, minute, second } = localTime(timeUs, timeZone);
  const us = ((Math.floor(timeUs) % 1e6) + 1e6) % 1e6;
  const fraction = digits === 0 ? "" : `.${String(us).padStart(6, "0").slice(0, digits)}`;
  return `${two(hour)}:${two(minute)}:${two(second)}${fraction}`;
}

/** "2026-12-01". */
export function dateText(timeUs: number, timeZone: string): string {
  const { year, month, day } = localTime(timeUs, timeZone);
  return `${String(year).padStart(4, "0")}-${two(month)}-${two(day)}`;
}

/** "2026-12-01 08:39:18". */
export const dateTimeText = (timeUs: number, timeZone: string, digits = 0): string =>
  `${dateText(timeUs, timeZone)} ${clockText(timeUs, timeZone, digits)}`;

/** "2026-12-01 08:00:00 – 2026-12-01 16:00:00 UTC+01:00". */
export const rangeInWords = (fromUs: number, toUs: number, timeZone: string): string =>
  `${dateTimeText(fromUs, timeZone)} – ${dateTimeText(toUs, timeZone)} ${offsetText(toUs, timeZone)}`;

const units: readonly [number, string][] = [
  [86_400e6, "d"],
  [3_600e6, "h"],
  [60e6, "min"],
  [1e6, "s"],
];

/** The two largest units: "2 min 51 s", "3 d 4 h", "0.4 s" below ten seconds. */
export function lengthText(us: number): string {
  if (us < 0) return `−${lengthText(-us)}`;
  if (us < 10e6) return `${trimNumber(us / 1e6, us < 1e6 ? 2 : 1)} s`;
  const whole = Math.round(us / 1e6) * 1e6;
  const at = units.findIndex(([unitUs]) => whole >= unitUs);
  const [[unitUs, unit], next] = [units[at]!, units[at + 1]];
  const first = Math.floor(whole / unitUs);
  const rest = next === undefined ? 0 : Math.floor((whole - first * unitUs) / next[0]);
  return rest === 0 ? `${first} ${unit}` : `${first} ${unit} ${rest} ${next![1]}`;
}

/** The largest unit alone, for what counts up: "38 s", "2 min", "3 h". */
export function ageText(us: number): string {
  const seconds = Math.max(0, Math.floor(us / 1e6));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3_600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

const numberFormats = Array.from(
  { length: 13 },
  (_, digits) =>
    new Intl.NumberFormat("en-GB", {
      minimumFractionDigits: digits,
      maximumFractionDigits: digits,
    }),
);

/** With a fixed number of decimals, so that a figure that changes keeps its width. */
export const fixedNumber = (value: number, decimals: number): string =>
  numberFormats[decimals]!.format(value).replace("-", "−");

/** Without zeros at the end. */
export const trimNumber = (value: number, decimals: number): string =>
  String(Number(value.toFixed(decimals))).replace("-", "−");

/** About four significant digits: "5.914", "0.0204", "12,410". */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e9)) return value.toExponential(3).replace("-", "−");
  const decimals = size === 0 ? 0 : Math.max(0, Math.min(6, 3 - Math.floor(Math.log10(size))));
  return fixedNumber(value, size >= 1000 ? Math.min(decimals, 1) : decimals);
}

/** Watts as kilowatts: "5.91", "0.41", "123.4". */
export const kilowatts = (watts: number): string =>
  fixedNumber(watts / 1000, Math.abs(watts) >= 100_000 ? 1 : 2);

/** "0.842", "186.2". */
export const kilowattHours = (kwh: number): string =>
  fixedNumber(kwh, Math.abs(kwh) >= 100 ? 1 : Math.abs(kwh) >= 10 ? 2 : 3);

/** A share from 0 to 1: "86.1 %". */
export const percent = (share: number): string => `${trimNumber(share * 100, 1)} %`;

const byteUnits = ["B", "KiB", "MiB", "GiB", "TiB"];

export function bytesText(bytes: number): string {
  const at = Math.min(byteUnits.length - 1, bytes < 1 ? 0 : Math.floor(Math.log2(bytes) / 10));
  return `${trimNumber(bytes / 1024 ** at, at === 0 ? 0 : 1)} ${byteUnits[at]}`;
}
