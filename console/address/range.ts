// The range in view, as the address says it: in the same words as from and to of REST.
import { computed, type ReadonlySignal } from "@preact/signals";
import { isRelativeTime, readTime } from "../../codec/row/time.ts";
import { parameter, setParameters } from "./address.ts";

/** As written. Without `to` the range ends now and moves on: it is live. */
export type Range = { readonly from: string; readonly to: string | undefined };

export type ResolvedRange = {
  readonly fromUs: number;
  readonly toUs: number;
  /** The range ends now, and moves on with it. */
  readonly live: boolean;
};

export const defaultFrom = "-15m";

export const range: ReadonlySignal<Range> = computed(() => ({
  from: parameter("from") ?? defaultFrom,
  to: parameter("to"),
}));

/** Undefined: a text is not a time, or the range is empty. */
export function resolveRange({ from, to }: Range, nowUs: number): ResolvedRange | undefined {
  const live = to === undefined || to === "now" || to === "";
  const fromUs = readTime(from, { nowUs: BigInt(Math.floor(nowUs)) });
  const toUs = live ? BigInt(Math.floor(nowUs)) : readTime(to, { nowUs: BigInt(nowUs) });
  if (typeof fromUs !== "bigint" || typeof toUs !== "bigint" || fromUs >= toUs) return undefined;
  return { fromUs: Number(fromUs), toUs: Number(toUs), live: live && isRelativeTime(from) };
}

let lastLiveFrom = defaultFrom;

/** The start of the live range that was shown last; of the default range before that. */
export const liveFrom = (): string => {
  const { from, to } = range.peek();
  return to === undefined && isRelativeTime(from) ? from : lastLiveFrom;
};

/** Shows a fixed range, to far less than a pixel: the address stays short. */
export function showRange(fromUs: number, toUs: number, options?: { push?: boolean }): void {
  lastLiveFrom = liveFrom();
  [fromUs, toUs] = shortRange(fromUs, toUs);
  setParameters({ from: rangeText(fromUs), to: rangeText(toUs) }, options);
}

/** Shows the time up to now, and moves on with it. */
export function showLive(from: string = liveFrom()): void {
  setParameters({ from, to: undefined }, { push: true });
}

/** The range with no more digits of a second than a chart can show. */
export function shortRange(fromUs: number, toUs: number): [fromUs: number, toUs: number] {
  const stepUs = Math.max(1, 10 ** Math.floor(Math.log10((toUs - fromUs) / 20_000)));
  const short = (us: number) => Math.round(us / stepUs) * stepUs;
  return [short(fromUs), short(toUs)];
}

/** RFC 3339 in UTC, with as many digits of a second as the time needs. */
export function rangeText(timeUs: number): string {
  const us = Math.round(timeUs);
  const seconds = Math.floor(us / 1e6);
  const text = new Date(seconds * 1000).toISOString().slice(0, 19);
  const fraction = String(us - seconds * 1e6)
    .padStart(6, "0")
    .replace(/0+$/, "");
  return `${text}${fraction === "" ? "" : `.${fraction}`}Z`;
}
