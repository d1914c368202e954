// Resources of processes, once a second: resident memory and open file descriptors, with the trend
// of each over its life.
import { appendFileSync, readdirSync, readFileSync } from "node:fs";

export type UsageRow = { atS: number; name: string; pid: number; rssKb: number; fds: number };

export type Trend = {
  name: string;
  /** Processes that had this name. */
  lives: number;
  rssMaxMb: number;
  fdsMax: number;
  /**
   * Of its last life: its length, and after the warm-up the medians of the first and last fifth,
   * and slopes.
   */
  lastLifeS: number;
  rssFirstMb: number;
  rssLastMb: number;
  rssSlopeMbPerHour: number;
  fdsFirst: number;
  fdsLast: number;
  fdsSlopePerHour: number;
};

/** Samples every process that has a pid; rows go to a CSV file. Dispose to stop. */
export function startUsage(targets: ReadonlyMap<string, () => number | undefined>, path: string) {
  const startMs = performance.now();
  const rows: UsageRow[] = [];
  appendFileSync(path, "at_s,name,pid,rss_kb,fds\n");
  const timer = setInterval(() => {
    const lines: string[] = [];
    for (const [name, pidOf] of targets) {
      const pid = pidOf();
      const used = pid === undefined ? undefined : usageOf(pid);
      if (used === undefined) continue;
      const row = { atS: (performance.now() - startMs) / 1000, name, pid: pid!, ...used };
      rows.push(row);
      lines.push(`${row.atS.toFixed(1)},${name},${pid},${used.rssKb},${used.fds}\n`);
    }
    appendFileSync(path, lines.join(""));
  }, 1000);
  return {
    rows,
    [Symbol.dispose]: () => clearInterval(timer),
  };
}

/** Undefined if the process has ended. */
export function usageOf(pid: number): { rssKb: number; fds: number } | undefined {
  try {
    const [, rss] = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
    return rss === undefined
      ? undefined
      : { rssKb: Number(rss), fds: readdirSync(`/proc/${pid}/fd`).length };
  } catch {
    return undefined;
  }
}

/** Undefined if its open descriptors are flat: no more opened and kept than the limit. */
export function judgeDescriptors(
  { name, fdsFirst, fdsLast }: Trend,
  { mayGrow }: { mayGrow: number },
): string | undefined {
  if (fdsLast - fdsFirst <= mayGrow) return undefined;
  return `${name} has ${fdsLast} open descriptors, ${fdsFirst} before: more than ${mayGrow} of growth`;
}

/**
 * Slopes are of least squares through the medians of windows of 30 s, which a collector's sawtooth
 * does not affect.
 */
export function trendsOf(rows: readonly UsageRow[], { warmUpS }: { warmUpS: number }): Trend[] {
  return [...Map.groupBy(rows, ({ name }) => name)].map(([name, own]) => {
    const last = own.filter(({ pid }) => pid === own.at(-1)!.pid);
    const beganS = last[0]!.atS;
    const warm = last.filter(({ atS }) => atS - beganS >= warmUpS);
    const judged = warm.length > 0 ? warm : last;
    const fifth = Math.max(1, Math.floor(judged.length / 5));
    const megabytes = ({ rssKb }: UsageRow) => rssKb / 1024;
    const fds = ({ fds }: UsageRow) => fds;
    return {
      name,
      lives: new Set(own.map(({ pid }) => pid)).size,
      rssMaxMb: Math.max(...own.map(megabytes)),
      fdsMax: Math.max(...own.map(fds)),
      lastLifeS: last.at(-1)!.atS - beganS,
      rssFirstMb: median(judged.slice(0, fifth).map(megabytes)),
      rssLastMb: median(judged.slice(-fifth).map(megabytes)),
      rssSlopeMbPerHour: slopePerHour(judged, megabytes),
      fdsFirst: median(judged.slice(0, fifth).map(fds)),
      fdsLast: median(judged.slice(-fifth).map(fds)),
      fdsSlopePerHour: slopePerHour(judged, fds),
    };
  });
}

function slopePerHour(rows: readonly UsageRow[], of: (row: UsageRow) => number): number {
  const points = [...Map.groupBy(rows, ({ atS }) => Math.floor(atS / 30))].map(([window, own]) => ({
    x: (window * 30) / 3600,
    y: median(own.map(of)),
  }));
  const meanX = points.reduce((sum, { x }) => sum + x, 0) / points.length;
  const meanY = points.reduce((sum, { y }) => sum + y, 0) / points.length;
  const spread = points.reduce((sum, { x }) => sum + (x - meanX) ** 2, 0);
  return spread === 0
    ? 0
    : points.reduce((sum, { x, y }) => sum + (x - meanX) * (y - meanY), 0) / spread;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
