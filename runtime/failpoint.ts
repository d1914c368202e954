// Named points in our own code where a fault test can make a process die, fail or stall. They do
// nothing unless armed.
import { ConfigError, readSettings, setting } from "./config.ts";
import { text } from "./config-values.ts";

type Action = { kind: "exit" } | { kind: "throw" } | { kind: "delay"; ms: number };
type Armed = { action: Action; at: number | undefined; hits: number };

const variable = "MILLRACE_FAILPOINTS";
let armed = parseFailpoints(fromEnvironment());

/**
 * A point with a name, such as "spool.before-fsync". Armed by
 * MILLRACE_FAILPOINTS="name=action[@n]", several with commas: `exit` ends the process as kill -9
 * does; `throw` throws an Error; `delay:MS` blocks the thread that long. With `@n` it acts only the
 * n-th time, otherwise every time. Not armed, it costs one comparison.
 */
export function failpoint(name: string): void {
  if (armed !== undefined) hit(name, armed);
}

/**
 * Arms failpoints as the variable would, replacing those that were armed; "" disarms all. For
 * tests. Throws ConfigError.
 */
export function armFailpoints(given: string): void {
  armed = parseFailpoints(given);
}

function hit(name: string, points: ReadonlyMap<string, Armed>): void {
  const point = points.get(name);
  if (point === undefined) return;
  point.hits++;
  if (point.at !== undefined && point.at !== point.hits) return;
  const { action } = point;
  if (action.kind === "throw") throw new Error(`failpoint ${name}`);
  // Atomics.wait, because a timer would let everything else continue.
  if (action.kind === "delay")
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, action.ms);
  else process.kill(process.pid, "SIGKILL");
}

function parseFailpoints(given: string): ReadonlyMap<string, Armed> | undefined {
  if (given === "") return undefined;
  const points = new Map<string, Armed>();
  for (const one of given.split(",")) {
    const match =
      /^\s*([a-z][a-z0-9.-]*)=(?:(exit|throw)|delay:(\d{1,6}))(?:@([1-9]\d{0,8}))?\s*$/.exec(one);
    if (match === null)
      throw new ConfigError([`${variable}: "${one}" is not name=exit|throw|delay:MS[@N]`]);
    const [, name, word, ms, at] = match;
    const action: Action =
      ms !== undefined ? { kind: "delay", ms: Number(ms) } : { kind: word as "exit" | "throw" };
    points.set(name!, { action, at: at === undefined ? undefined : Number(at), hits: 0 });
  }
  return points;
}

function fromEnvironment(): string {
  const points = setting({
    env: variable,
    parse: text(),
    optional: true,
    doc: "points to fail at, for tests",
  });
  return readSettings({ name: "failpoints", about: "", settings: { points } }, []).points ?? "";
}
