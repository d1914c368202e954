// Loaded into a service by --import when the fuzzer runs it: says over a socket how long its event
// loop was held and how much memory it took, between one question and the next. No part of the
// product.
import { readFileSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

export type ProbeAnswer = {
  /** The longest that one turn of the event loop used the processor for. */
  heldMs: number;
  /** What the main thread used in all. */
  cpuMs: number;
  /** How far resident memory rose above what it was at the question before. */
  grownMib: number;
};

const tickMs = 5;
const port = Number(process.env["FUZZ_PROBE_PORT"]);
if (port > 0) watch(connect(port, "127.0.0.1"));

function watch(socket: Socket): void {
  socket.unref();
  socket.on("error", () => {});
  let tick = now();
  let start = tick;
  let heldMs = 0;
  let baseKib = statusOf("VmRSS");
  // Of wall clock and processor the lesser: a machine that is busy elsewhere holds up the one, many
  // short turns add up in the other.
  const look = () => {
    const { wallMs, cpuMs } = now();
    heldMs = Math.max(heldMs, Math.min(wallMs - tick.wallMs - tickMs, cpuMs - tick.cpuMs));
    tick = { wallMs, cpuMs };
  };
  setInterval(look, tickMs).unref();
  const begin = () => {
    [tick, heldMs, baseKib] = [now(), 0, statusOf("VmRSS")];
    start = tick;
    // The highest that it was counts from here.
    writeFileSync("/proc/self/clear_refs", "5");
  };
  const answer = () => {
    look();
    const grownMib = (statusOf("VmHWM") - baseKib) / 1024;
    const told: ProbeAnswer = { heldMs, cpuMs: tick.cpuMs - start.cpuMs, grownMib };
    socket.write(`${JSON.stringify(told)}\n`);
    begin();
  };
  socket.write(`${process.pid}\n`);
  socket.setEncoding("utf8").on("data", (text: string) => {
    if (text.includes("collect")) collect();
    // A turn later, so that one that was held by what came before has been seen.
    setTimeout(answer, 2 * tickMs);
  });
}

function now() {
  const { user, system } = process.threadCpuUsage();
  return { wallMs: performance.now(), cpuMs: (user + system) / 1_000 };
}

/** In KiB. */
function statusOf(name: string): number {
  return Number(
    new RegExp(`${name}:\\s+(\\d+)`).exec(readFileSync("/proc/self/status", "utf8"))?.[1],
  );
}

let gc: (() => void) | undefined;

function collect(): void {
  if (gc === undefined) {
    setFlagsFromString("--expose-gc");
    gc = runInNewContext("gc") as () => void;
  }
  gc();
  gc();
}
