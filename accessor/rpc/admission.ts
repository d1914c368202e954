// Bounds on calls at once: beyond them a call is refused at once, with a time to try again, and those that run go on undisturbed.
import type { DescMethod, DescService } from "@bufbuild/protobuf";
import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import { Failure } from "../failure.ts";

/** Which bound a call falls under. */
export type CallKind = "queries" | "ranges" | "feeds" | "producers" | "batches";

export type AdmissionOptions = {
  /** Most calls of each kind at once. */
  max: Record<CallKind, number>;
  /** How long a single request may take if its client sets no deadline. */
  defaultDeadlineMs: number;
};

const retryAfterMs = 1_000;
// biome-ignore lint/suspicious/noExplicitAny: handlers of all shapes pass through unchanged; ServiceImpl types them at both ends
type AnyHandler = (request: any, context: HandlerContext) => any;

export class Admission {
  readonly #options: AdmissionOptions;
  readonly #running: Record<CallKind, number> = { queries: 0, ranges: 0, feeds: 0, producers: 0, batches: 0 };

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /** How many calls of each kind run. */
  get running(): Readonly<Record<CallKind, number>> {
    return this.#running;
  }

  /** The same service within the bounds: refused calls fail with OVERLOADED. */
  guard<S extends DescService>(service: S, impl: ServiceImpl<S>): ServiceImpl<S> {
    const guarded: Record<string, AnyHandler> = {};
    for (const method of service.methods) {
      const handle = (impl as Record<string, AnyHandler>)[method.localName]!.bind(impl);
      const kind = kindOf(method);
      guarded[method.localName] =
        method.methodKind === "unary"
          ? (request, context) =>
              this.#runOnce(kind, () => this.#withDeadline(context, (limited) => handle(request, limited)))
          : (request, context) => this.#runStream(kind, () => handle(request, context));
    }
    return guarded as ServiceImpl<S>;
  }

  async #runOnce<T>(kind: CallKind, run: () => Promise<T>): Promise<T> {
    this.#enter(kind);
    try {
      return await run();
    } finally {
      this.#running[kind]--;
    }
  }

  async *#runStream<T>(kind: CallKind, run: () => AsyncIterable<T>): AsyncGenerator<T, void, undefined> {
    this.#enter(kind);
    try {
      yield* run();
    } finally {
      this.#running[kind]--;
    }
  }

  #enter(kind: CallKind): void {
    if (this.#running[kind] >= this.#options.max[kind]) {
      throw new Failure("OVERLOADED", `${this.#options.max[kind]} ${kind} run at once already: try again in a second`, {
        metadata: { limit: kind },
        retryAfterMs,
      });
    }
    this.#running[kind]++;
  }

  /** Runs a handler whose signal is aborted at the default deadline, unless the client set one. */
  async #withDeadline<T>(context: HandlerContext, run: (context: HandlerContext) => Promise<T>): Promise<T> {
    if (context.timeoutMs() !== undefined) return run(context);
    const { defaultDeadlineMs } = this.#options;
    const controller = new AbortController();
    const end = () => controller.abort(context.signal.reason);
    const timer = setTimeout(() => {
      const message = `the call took longer than ${defaultDeadlineMs / 1000} s: ask for less, or set a deadline`;
      controller.abort(new Failure("DEADLINE_EXCEEDED", message));
    }, defaultDeadlineMs);
    context.signal.addEventListener("abort", end, { once: true });
    if (context.signal.aborted) end();
    try {
      return await run(Object.create(context, { signal: { value: controller.signal } }) as HandlerContext);
    } finally {
      clearTimeout(timer);
      context.signal.removeEventListener("abort", end);
    }
  }
}

function kindOf({ name, methodKind }: DescMethod): CallKind {
  if (methodKind === "bidi_streaming" || methodKind === "client_streaming") return "producers";
  if (name.startsWith("Watch")) return "feeds";
  if (name.startsWith("Ingest")) return "batches";
  return methodKind === "unary" ? "queries" : "ranges";
}
