// The cost of processes: CPU time and resident memory, from /proc. On systems without it, zeros.
import { readdirSync, readFileSync } from "node:fs";

/** CPU in seconds; memory in bytes. */
export type Usage = { readonly cpuSeconds: number; readonly rssBytes: number };

const ticksPerSecond = 100;

export function usageOf(pid: number): Usage {
  const stat = read(`/proc/${pid}/stat`);
  // The name may contain spaces and brackets; fields are counted from after it.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const cpuSeconds = (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / ticksPerSecond;
  return { cpuSeconds, rssBytes: kilobytes(read(`/proc/${pid}/status`), "VmRSS") };
}

/** A server and its children; shared memory counts once. */
export function usageOfServer(postmaster: number): Usage {
  let cpuSeconds = 0;
  let own = 0;
  let shared = 0;
  for (const pid of [postmaster, ...childrenOf(postmaster)]) {
    const status = read(`/proc/${pid}/status`);
    cpuSeconds += usageOf(pid).cpuSeconds;
    own += kilobytes(status, "RssAnon");
    shared = Math.max(shared, kilobytes(status, "RssShmem") + kilobytes(status, "RssFile"));
  }
  return { cpuSeconds, rssBytes: own + shared };
}

/** Runs a function while measuring processes: CPU seconds, memory at the start and at its peak. */
export async function watchUsage<T>(
  processes: Readonly<Record<string, () => Usage>>,
  run: () => Promise<T>,
): Promise<{
  result: T;
  seconds: number;
  of: Record<string, { cpuSeconds: number; firstBytes: number; peakBytes: number }>;
}> {
  const names = Object.keys(processes);
  const before = names.map((name) => processes[name]!());
  const peaks = before.map(({ rssBytes }) => rssBytes);
  const look = () => {
    for (const [i, name] of names.entries())
      peaks[i] = Math.max(peaks[i]!, processes[name]!().rssBytes);
  };
  const timer = setInterval(look, 100);
  const from = performance.now();
  try {
    const result = await run();
    const seconds = (performance.now() - from) / 1000;
    look();
    const of = Object.fromEntries(
      names.map((name, i) => {
        const cpuSeconds = processes[name]!().cpuSeconds - before[i]!.cpuSeconds;
        return [name, { cpuSeconds, firstBytes: before[i]!.rssBytes, peakBytes: peaks[i]! }];
      }),
    );
    return { result, seconds, of };
  } finally {
    clearInterval(timer);
  }
}

function childrenOf(parent: number): number[] {
  try {
    const tasks = readdirSync(`/proc/${parent}/task`);
    return tasks.flatMap((task) =>
      read(`/proc/${parent}/task/${task}/children`).split(" ").filter(Boolean).map(Number),
    );
  } catch {
    return [];
  }
}

function kilobytes(status: string, field: string): number {
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? 0) * 1024;
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
