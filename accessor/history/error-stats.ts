// Counts errors by severity and code, relates them to running time, and computes availability.
import { machineStates } from "./state-intervals.ts";

/**
 * Reports that share severity and code. `count` defaults to 1, so both single reports and rows of a
 * GROUP BY fit.
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
  /** Reports with codes beyond `maxCodes`, so that `byCode` and this add up to `count`. */
  readonly otherCodes: { readonly codes: number; readonly count: number };
};

/** Counts reports. Keeps one number per distinct code while it counts. */
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

/** How often errors occur while a machine works. Undefined if it would be a division by zero. */
export type ErrorRate = {
  /**
   * Errors per hour of ACTIVE time. Errors reported in other states count too, since a report may
   * be late.
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
 * undefined if there is neither. IEC 60050-192 counts each span as up or down or excludes it
 * (192-01-23, note 1), and down time excludes disabling by external causes (192-02-21): so OFF,
 * which does not tell whether the machine could work, and UNKNOWN count as neither.
 */
export function availability(timeUs: readonly number[]): number | undefined {
  const upUs = timeUs[machineStates.active]! + timeUs[machineStates.idle]!;
  const judgedUs = upUs + timeUs[machineStates.fault]!;
  return judgedUs > 0 ? upUs / judgedUs : undefined;
}
