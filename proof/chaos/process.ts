// A process of ours under the harness: restarted whenever it ends; killed, stopped and continued by
// its pid; armed with failpoints.
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, existsSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { nodeEnvironment, nodeFlags } from "../../local/node-flags.ts";
import { childEnvironment } from "../../runtime/config.ts";
import type { RoundRecord } from "./record.ts";

const checkout = fileURLToPath(new URL("../..", import.meta.url));

/** Debian's package libfaketime, if it is installed. */
export const fakeTime = ["x86_64", "aarch64"]
  .map((name) => `/usr/lib/${name}-linux-gnu/faketime/libfaketime.so.1`)
  .find((path) => existsSync(path));

export type ProcessOptions = {
  name: string;
  /** Path in the checkout. */
  file: string;
  args: readonly string[];
  /** Arguments for node itself, besides those that every run of the file has. */
  nodeArgs?: readonly string[];
  env?: Record<string, string>;
  record: RoundRecord;
};

export class KeptProcess implements AsyncDisposable {
  readonly name: string;
  readonly logPath: string;
  readonly #options: ProcessOptions;
  #child: ChildProcess | undefined;
  #ended: Promise<void> = Promise.resolve();
  #killed = false;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;
  /** The offset of its wall clock: "+1h", "-400d". Only if libfaketime is installed. */
  stepClock(by: string): void {
    if (fakeTime === undefined) return;
    this.#options.record.note({ who: this.name, what: "clock", by });
    writeFileSync(`${this.logPath}.clock`, `${by}\n`);
  }

  /** Failpoints at which the process exited. */
  readonly fired: string[] = [];

  constructor(options: ProcessOptions) {
    this.#options = options;
    this.name = options.name;
    this.logPath = `${options.record.folder}/${options.name}.log`;
  }

  /** failpoints: in the form of MILLRACE_FAILPOINTS, for this one life. */
  start(failpoints = ""): void {
    if (this.#closed) return;
    clearTimeout(this.#timer);
    const { file, args, nodeArgs = [], env, record, name } = this.#options;
    const log = openSync(this.logPath, "a");
    const child = spawn(
      process.execPath,
      [...nodeFlags(file), ...nodeArgs, `${checkout}${file}`, ...args],
      {
        cwd: checkout,
        env: childEnvironment({
          ...nodeEnvironment(file),
          MILLRACE_LOG_FORMAT: "json",
          ...(fakeTime === undefined ? {} : this.#clock(fakeTime)),
          ...env,
          MILLRACE_FAILPOINTS: failpoints || undefined,
          MILLRACE_PARENT_FD: "3",
        }) as NodeJS.ProcessEnv,
        stdio: ["ignore", log, log, "pipe"],
      },
    );
    closeSync(log);
    child.stdio[3]?.on("error", () => {});
    child.on("error", (error) => record.violation(`${name} cannot start: ${error.message}`));
    this.#child = child;
    this.#killed = false;
    record.note({ who: name, what: "start", pid: child.pid, failpoints });
    this.#ended = new Promise((resolve) => {
      child.once("exit", (code, signal) => {
        record.note({ who: name, what: "exit", code, signal, killed: this.#killed });
        this.#child = undefined;
        if (!this.#killed && signal === "SIGKILL" && failpoints !== "") this.fired.push(failpoints);
        else if (!this.#killed && !this.#closed) this.#unexpected(code, signal);
        resolve();
        if (!this.#closed) this.#timer = setTimeout(() => this.start(), 50);
      });
    });
  }

  #clock(library: string): Record<string, string> {
    const path = `${this.logPath}.clock`;
    if (!existsSync(path)) writeFileSync(path, "+0\n");
    const every = { FAKETIME_CACHE_DURATION: "1", FAKETIME_DONT_FAKE_MONOTONIC: "1" };
    return { LD_PRELOAD: library, FAKETIME_TIMESTAMP_FILE: path, ...every };
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  signal(name: NodeJS.Signals): void {
    if (name === "SIGKILL" || name === "SIGTERM") this.#killed = true;
    this.#options.record.note({ who: this.name, what: "signal", name });
    this.#child?.kill(name);
  }

  /** Kills it, and restarts it armed. */
  async rearm(failpoints: string): Promise<void> {
    this.signal("SIGKILL");
    await this.#ended;
    this.start(failpoints);
  }

  /**
   * Unless the harness killed it, it may end only during its start: its database may be
   * unavailable.
   */
  #unexpected(code: number | null, signal: NodeJS.Signals | null): void {
    const life = readFileSync(this.logPath, "utf8").split("\n").filter(Boolean).slice(-15);
    const crash = life.some((line) =>
      /unhandled|uncaught|TypeError|ReferenceError|FATAL ERROR/i.test(line),
    );
    if (crash || signal !== null) {
      this.#options.record.violation(
        `${this.name} ended by itself with ${signal ?? code}: ${life.at(-1)}`,
      );
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    const child = this.#child;
    if (child === undefined) return;
    child.kill("SIGCONT");
    child.kill("SIGTERM");
    const timer = setTimeout(() => {
      this.#options.record.violation(`${this.name} did not stop within 10 s of SIGTERM`);
      child.kill("SIGKILL");
    }, 10_000);
    await this.#ended;
    clearTimeout(timer);
  }
}
