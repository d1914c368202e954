// Loaded into a service by --import when the fuzzer runs it: reports over a socket how long its
// event loop was held and how much memory it took, between one question and the next. Not part of
// the product.
import { readFileSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

export type ProbeAnswer = {
  /** The longest processor time of a single turn of the event loop. */
  heldMs: number;
  /** Total processor time of the main thread. */
  cpuMs: number;
  /** How far resident memory rose above its value at the question before. */
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
  // The lesser of wall clock and processor time: other work on the machine lengthens the one, many
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
    // The peak is measured from here.
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
    // One turn later, so that a turn that was held by the previous input is included.
    setTimeout(answer, 2 * tickMs);
  });
}

function now() {
  const { user, system } = process.threadCpuUsage();
  return { wallMs: performance.now(), cpuMs: (user + system) / 1_000 };
}

/** Of resident memory, in KiB. */
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
