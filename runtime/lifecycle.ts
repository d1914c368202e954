// The life of one process: settings, open, serve, stop in order. The only place that touches
// process.on and process.exit.
import { Socket } from "node:net";
import {
  ConfigError,
  HelpRequested,
  readSettings,
  type SettingsOf,
  type SettingsShape,
  setting,
} from "./config.ts";
import { count, oneOf } from "./config-values.ts";
import { causeChain, createLog, type Log, logLevels } from "./log.ts";

/** A failure whose message is complete by itself: it is logged without a stack. */
export class PlainFailure extends Error {
  override readonly name = "PlainFailure";
}

/**
 * What a process runs. `done`, if there, ends the process: with 0 when it resolves, with 1 when it
 * rejects.
 */
export interface Running extends AsyncDisposable {
  readonly done?: Promise<unknown>;
}

export interface ProcessOptions<S extends SettingsShape> {
  /** Name of the process in its log and its help. */
  name: string;
  /** One sentence for `--help`. */
  about?: string;
  /** The settings of this process, besides the log settings that every process has. */
  settings?: S;
  /** The arguments that hold the flags. Default: all arguments of the process. */
  argv?: readonly string[];
  /**
   * Acquires everything. `abort` fires when the process is asked to stop, which may happen while
   * this is still running.
   */
  open(context: {
    settings: SettingsOf<S> & CommonSettings;
    abort: AbortSignal;
    log: Log;
    /** Calls back at each SIGHUP. Without a listener, that ends the process. */
    onHangup: (listener: () => void) => void;
  }): Promise<Running> | Running;
  /** How long an orderly stop may take before the process ends anyway; default 5000. */
  graceMs?: number;
  /**
   * "pretty" is for a program whose output people read even without a terminal; default as in
   * log.ts.
   */
  logFormat?: "json" | "pretty";
}

/** Every process of ours has these settings. */
const commonSettings = {
  logLevel: setting({
    flag: "log-level",
    env: "MILLRACE_LOG_LEVEL",
    parse: oneOf(logLevels),
    default: "info",
    doc: "how much to log",
  }),
  logFormat: setting({
    flag: "log-format",
    env: "MILLRACE_LOG_FORMAT",
    parse: oneOf(["json", "pretty"]),
    optional: true,
    doc: "JSON lines, or readable text (the default on a terminal)",
  }),
  parentFd: setting({
    env: "MILLRACE_PARENT_FD",
    parse: count({ min: 3, max: 1_000_000 }),
    optional: true,
    doc: "a pipe from the parent process; its end stops this process",
  }),
};

type CommonSettings = SettingsOf<typeof commonSettings>;

/**
 * Runs a process to its end; never returns. Reads the settings, opens, and then waits for SIGINT,
 * SIGTERM, the end of the parent's pipe or `done`; disposes within `graceMs` and exits. A second
 * SIGINT or SIGTERM exits at once, unless it comes within half a second: npm passes a Ctrl-C on to
 * a process that already had it from the terminal. Exit status: 0 stopped in order; 1 failed to
 * open, to serve or to stop; 2 wrong settings; 130 or 143 stopped by force.
 */
export async function run<S extends SettingsShape>(options: ProcessOptions<S>): Promise<never> {
  const { name, graceMs = 5000 } = options;
  // When the parent dies, nothing reads our output any more; that must not interrupt the orderly
  // stop.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
  const settings = readOrExit(options);
  const log = createLog({
    name,
    level: settings.logLevel,
    format: settings.logFormat ?? options.logFormat,
  });
  const stop = createStop({ name, graceMs, log });

  let running: Running | undefined;
  try {
    if (settings.parentFd !== undefined) watchParent(settings.parentFd, stop.request);
    running = await options.open({
      settings: settings as SettingsOf<S> & CommonSettings,
      abort: stop.abort,
      log,
      onHangup: (listener) => process.on("SIGHUP", listener),
    });
    running.done?.then(
      () => stop.request("done"),
      (error: unknown) => {
        if (error instanceof PlainFailure) log.error(error.message);
        else log.error(`${name} failed`, { error });
        stop.request("failure", 1);
      },
    );
    await stop.requested;
  } catch (error) {
    if (!stop.abort.aborted) {
      if (error instanceof ConfigError) exitWithMistakes(name, error);
      log.error(`${name} could not start: ${causeChain(error)}`);
      log.debug("why it could not start", { error });
      process.exit(1);
    }
    // An open that was cancelled ends as requested.
    log.debug("start called off", { error });
  }

  try {
    await running?.[Symbol.asyncDispose]();
  } catch (error) {
    log.error(`${name} did not stop cleanly`, { error });
    process.exit(1);
  }
  log.debug("stopped");
  process.exit(stop.exitCode());
}

function readOrExit<S extends SettingsShape>({
  name,
  about = name,
  settings,
  argv,
}: ProcessOptions<S>) {
  try {
    return readSettings(
      { name, about, settings: { ...settings, ...commonSettings } },
      argv,
    ) as SettingsOf<typeof commonSettings>;
  } catch (error) {
    if (error instanceof HelpRequested) {
      process.stdout.write(error.message);
      process.exit(0);
    }
    if (error instanceof ConfigError) exitWithMistakes(name, error);
    throw error;
  }
}

function exitWithMistakes(name: string, { mistakes }: ConfigError): never {
  process.stderr.write(mistakes.map((mistake) => `${name}: ${mistake}\n`).join(""));
  process.exit(2);
}

const echoMs = 500;

/** One request to stop, from whichever source comes first; the grace period begins then. */
function createStop({ name, graceMs, log }: { name: string; graceMs: number; log: Log }) {
  const controller = new AbortController();
  const { promise: requested, resolve } = Promise.withResolvers<void>();
  // Node exits when no active handle is left, and a service may wait on handles that do not keep it
  // alive.
  setInterval(() => {}, 2 ** 30);
  let code = 0;
  let requestedAtMs = 0;
  const request = (why: string, exitCode = 0) => {
    if (controller.signal.aborted) return;
    code = exitCode;
    requestedAtMs = performance.now();
    log.debug("stopping", { why });
    setTimeout(() => {
      log.error(`${name} did not stop within ${graceMs} ms`);
      process.exit(1);
    }, graceMs);
    controller.abort(new Error(`stopping: ${why}`));
    resolve();
  };
  for (const [signalName, number] of [
    ["SIGINT", 2],
    ["SIGTERM", 15],
  ] as const) {
    process.on(signalName, () => {
      if (controller.signal.aborted && performance.now() - requestedAtMs > echoMs)
        process.exit(128 + number);
      request(signalName);
    });
  }
  for (const event of ["uncaughtException", "unhandledRejection"] as const) {
    process.on(event, (error: unknown) => {
      log.error(event === "uncaughtException" ? "uncaught exception" : "unhandled rejection", {
        error,
      });
      process.exit(1);
    });
  }
  return { abort: controller.signal, requested, request, exitCode: () => code };
}

/** Requests a stop when the parent has ended: its end of the pipe closes however it died. */
function watchParent(fd: number, request: (why: string) => void): void {
  try {
    const pipe = new Socket({ fd, readable: true, writable: false });
    pipe.on("error", () => request("the parent's pipe broke"));
    pipe.on("close", () => request("the parent has gone"));
    pipe.resume();
    pipe.unref();
  } catch (error) {
    throw new ConfigError([`MILLRACE_PARENT_FD: ${fd} is not an open pipe (${causeChain(error)})`]);
  }
}
