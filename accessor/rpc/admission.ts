// Bounds on concurrent calls and on calls per second, shared between callers: a call beyond its
// caller's share is refused at once, with a time to retry, and other callers are not affected.
import type { DescMessage, DescMethod, DescService, MessageInitShape } from "@bufbuild/protobuf";
import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import { Loan, Shares } from "../../access/shares.ts";
import { type Rate, TokenBuckets } from "../../access/token-buckets.ts";
import { frameAhead } from "../../runtime/grpc/frame.ts";
import { takeTurnsAs } from "../../runtime/turns.ts";
import { type ShareHolderOf, shareHolderKey } from "../access/share-holder.ts";
import { Failure } from "../domain/failure.ts";
import type { Ledger } from "../domain/ledger.ts";
import { accessorCodecs } from "./codecs.ts";
import { QuestionTurns } from "./question-turns.ts";

/** The bound that applies to a call. others: health, reflection, WhoAmI. */
export const callKinds = ["queries", "ranges", "feeds", "producers", "batches", "others"] as const;
export type CallKind = (typeof callKinds)[number];

/** Their names in messages to callers. */
const names: Record<CallKind, string> = {
  queries: "queries",
  ranges: "ranges",
  feeds: "feeds",
  producers: "producer streams",
  batches: "single batches",
  others: "other calls",
};

export type AdmissionOptions = {
  /**
   * Most concurrent calls of each kind for a caller that is alone; all callers together have twice
   * as many (see Shares).
   */
  max: Record<CallKind, number>;
  /** Calls per second of one caller; undefined: no bound. */
  rate?: Rate | undefined;
  shareHolderOf: ShareHolderOf;
  /**
   * Whether a caller may get one more answer; otherwise its calls are refused until it reads the
   * ones it has.
   */
  hasRoomForAnswer: (holder: string) => boolean;
  /** How long a single request may take if its client sets no deadline. */
  defaultDeadlineMs: number;
  /** The longest that any single request may take. */
  maxDeadlineMs: number;
  ledger: Ledger;
  /** Milliseconds that only go forward. */
  monotonicMs: () => number;
};

const retryAfterMs = 1_000;
// biome-ignore lint/suspicious/noExplicitAny: handlers of all shapes pass through unchanged; ServiceImpl types them at both ends
type AnyHandler = (request: any, context: HandlerContext) => any;

export class Admission {
  readonly #options: AdmissionOptions;
  readonly #shares: Record<CallKind, Shares>;
  readonly #buckets: TokenBuckets | undefined;
  readonly #questions: QuestionTurns;

  constructor(options: AdmissionOptions) {
    const { max, rate, ledger, monotonicMs } = options;
    this.#options = options;
    this.#buckets = rate && new TokenBuckets({ ...rate, monotonicMs });
    const shares = callKinds.map(
      (kind) => [kind, new Shares({ total: 2 * max[kind], perCaller: max[kind] })] as const,
    );
    this.#shares = Object.fromEntries(shares) as Record<CallKind, Shares>;
    for (const [kind, share] of shares) ledger.count(kind, () => share.held);
    this.#questions = new QuestionTurns({ ledger });
  }

  /** The same service within the bounds: calls beyond them fail with OVERLOADED or RATE_LIMITED. */
  wrap<S extends DescService, I extends Partial<ServiceImpl<S>>>(service: S, impl: I): I {
    const wrapped: Record<string, AnyHandler> = {};
    for (const method of service.methods) {
      const { name, output } = method;
      const handle = (impl as Record<string, AnyHandler | undefined>)[method.localName]?.bind(impl);
      if (handle === undefined) continue;
      const kind = kindOf(method);
      wrapped[method.localName] =
        method.methodKind === "unary"
          ? (request, context) =>
              this.#runOnce(kind, context, () =>
                this.#withDeadline(context, (limited) =>
                  this.#inTurn({ kind, name, output }, limited, () => handle(request, limited)),
                ),
              )
          : (request, context) => this.#runStream(kind, context, () => handle(request, context));
    }
    return wrapped as I;
  }

  async #runOnce<T>(kind: CallKind, context: HandlerContext, run: () => Promise<T>): Promise<T> {
    using _place = this.#enter(kind, context);
    return await run();
  }

  /**
   * A query's wait for its turn counts towards its deadline. Its turn and its place last until the
   * answer is encoded, because an answer that waits for encoding is just as large.
   */
  #inTurn(
    { kind, name, output }: { kind: CallKind; name: string; output: DescMessage },
    { values, signal: abort }: HandlerContext,
    run: () => Promise<MessageInitShape<DescMessage>>,
  ): Promise<MessageInitShape<DescMessage>> {
    // These have small answers.
    if (kind === "others") return run();
    const caller = values.get(shareHolderKey);
    const answer = async () => {
      if (this.#options.hasRoomForAnswer(caller))
        return frameAhead(output, await run(), accessorCodecs);
      const message = "you have too many bytes of unread responses: read them, then call again";
      throw this.#refusal("OVERLOADED", "unread-bytes", { message, retryMs: retryAfterMs });
    };
    return kind === "queries"
      ? this.#questions.run({ caller, method: name, abort }, answer)
      : answer();
  }

  async *#runStream<T>(
    kind: CallKind,
    context: HandlerContext,
    run: () => AsyncIterable<T>,
  ): AsyncGenerator<T, void, undefined> {
    using _place = this.#enter(kind, context);
    yield* run();
  }

  /** Takes a place among the calls of its kind. */
  #enter(kind: CallKind, context: HandlerContext): Loan {
    const holder = this.#options.shareHolderOf(context);
    context.values.set(shareHolderKey, holder);
    takeTurnsAs(holder);
    const taken = this.#buckets?.take(holder);
    if (taken?.granted === false) {
      const { perSecond } = this.#buckets!.rate;
      throw this.#refusal("RATE_LIMITED", "calls-per-second", {
        message: `you made more than ${perSecond} calls a second: try again after the delay in RetryInfo`,
        retryMs: taken.retryMs,
      });
    }
    const shares = this.#shares[kind];
    const loan = shares.borrow(holder, 1);
    if (!(loan instanceof Loan)) {
      const message =
        loan === "own"
          ? `you have ${shares.heldBy(holder)} concurrent ${names[kind]}, which is your share of the ${shares.total} that this server allows`
          : `this server already has ${shares.total} concurrent ${names[kind]}, its limit`;
      const advice = "wait until one ends, or try again in a second";
      throw this.#refusal("OVERLOADED", kind, {
        message: `${message}: ${advice}`,
        retryMs: retryAfterMs,
      });
    }
    return loan;
  }

  #refusal(
    reason: "OVERLOADED" | "RATE_LIMITED",
    limit: string,
    { message, retryMs }: { message: string; retryMs: number },
  ): Failure {
    this.#options.ledger.refuse(limit);
    return new Failure(reason, message, { metadata: { limit }, retryAfterMs: retryMs });
  }

  /**
   * Runs a handler whose signal is aborted at the client's deadline, if it set one, and at ours.
   */
  async #withDeadline<T>(
    context: HandlerContext,
    run: (context: HandlerContext) => Promise<T>,
  ): Promise<T> {
    const { defaultDeadlineMs, maxDeadlineMs } = this.#options;
    const ownMs = context.timeoutMs();
    if (ownMs !== undefined && ownMs <= maxDeadlineMs) return run(context);
    const deadlineMs = ownMs === undefined ? defaultDeadlineMs : maxDeadlineMs;
    const controller = new AbortController();
    const end = () => controller.abort(context.signal.reason);
    const timer = setTimeout(() => {
      const advice = ownMs === undefined ? "ask for less, or set a deadline" : "ask for less";
      controller.abort(
        new Failure(
          "DEADLINE_EXCEEDED",
          `the call took longer than ${deadlineMs / 1000} s: ${advice}`,
        ),
      );
    }, deadlineMs);
    context.signal.addEventListener("abort", end, { once: true });
    if (context.signal.aborted) end();
    try {
      return await run(
        Object.create(context, { signal: { value: controller.signal } }) as HandlerContext,
      );
    } finally {
      clearTimeout(timer);
      context.signal.removeEventListener("abort", end);
    }
  }
}

function kindOf({ name, methodKind, parent }: DescMethod): CallKind {
  if (!parent.typeName.startsWith("millrace.") || parent.name === "AccessService") return "others";
  if (methodKind === "bidi_streaming" || methodKind === "client_streaming") return "producers";
  if (name.startsWith("Watch")) return "feeds";
  if (name.startsWith("Ingest")) return "batches";
  return methodKind === "unary" ? "queries" : "ranges";
}
