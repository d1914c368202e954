// Errors counted by severity and code, set against running time; and availability.
import { machineStates } from "./state-intervals.ts";

/**
 * Reports that share severity and code. `count` defaults to 1, so single reports do as well as rows
 * of a GROUP BY.
 */
export type ErrorCount = {
  readonly severity: number;
  readonly code: string;
  readonly count?: number;
};

/** Counts of error reports. */
export type ErrorStats = {
  readonly count: number;
  /** Ascending by severity; only those that occurred. */
  readonly bySeverity: readonly { readonly severity: number; readonly count: number }[];
  /**
   * The most frequent codes, at most `maxCodes`; equally frequent ones in the order of their UTF-16
   * code units.
   */
  readonly byCode: readonly { readonly code: string; readonly count: number }[];
  /** Reports with codes past `maxCodes`, so that `byCode` and this add up to `count`. */
  readonly otherCodes: { readonly codes: number; readonly count: number };
};

/** Counts reports. Holds one number per distinct code while it counts. */
export function countErrors(
  reports: Iterable<ErrorCount>,
  options: { readonly maxCodes: number },
): ErrorStats {
  const severities = new Map<number, number>();
  const codes = new Map<string, number>();
  let total = 0;
  for (const { severity, code, count = 1 } of reports) {
    total += count;
    severities.set(severity, (severities.get(severity) ?? 0) + count);
    codes.set(code, (codes.get(code) ?? 0) + count);
  }
  const ranked = [...codes].sort(([codeA, a], [codeB, b]) => b - a || (codeA < codeB ? -1 : 1));
  const rest = ranked.slice(options.maxCodes);
  return {
    count: total,
    bySeverity: [...severities]
      .sort(([a], [b]) => a - b)
      .map(([severity, count]) => ({ severity, count })),
    byCode: ranked.slice(0, options.maxCodes).map(([code, count]) => ({ code, count })),
    otherCodes: { codes: rest.length, count: rest.reduce((sum, [, count]) => sum + count, 0) },
  };
}

/** How often errors come while a machine works. Undefined where it would mean dividing by zero. */
export type ErrorRate = {
  /**
   * Errors per hour of ACTIVE time. Errors reported in other states count too: they need not be
   * reported at once.
   */
  readonly perActiveHour: number | undefined;
  /** ACTIVE microseconds / number of errors: the mean operating time between errors. */
  readonly meanActiveUsBetween: number | undefined;
};

/** Rate of `errors` over the ACTIVE time in `timeUs` (by state, as `timeInStates` gives it). */
export function errorRate(errors: number, timeUs: readonly number[]): ErrorRate {
  const activeUs = timeUs[machineStates.active]!;
  return {
    perActiveHour: activeUs > 0 ? errors / (activeUs / 3.6e9) : undefined,
    meanActiveUsBetween: errors > 0 ? activeUs / errors : undefined,
  };
}

/**
 * Availability = up time / (up time + down time), with up = ACTIVE + IDLE and down = FAULT;
 * undefined if there is neither. IEC 60050-192 counts each span as up or down or leaves it out
 * (192-01-23, note 1), and down time leaves out what external causes disable (192-02-21): so OFF,
 * which says nothing about being able to work, and UNKNOWN are left out of both.
 */
export function availability(timeUs: readonly number[]): number | undefined {
  const upUs = timeUs[machineStates.active]! + timeUs[machineStates.idle]!;
  const judgedUs = upUs + timeUs[machineStates.fault]!;
  return judgedUs > 0 ? upUs / judgedUs : undefined;
}
