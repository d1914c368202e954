// Passes calls on to the accessor, message by message, for any service. Does not repeat the
// accessor's checks.
import type {
  DescMethod,
  DescMethodStreaming,
  DescMethodUnary,
  DescService,
  Message,
} from "@bufbuild/protobuf";
import type { ConnectRouter, HandlerContext, ServiceImpl } from "@connectrpc/connect";
import { createLinkedAbortController } from "@connectrpc/connect/protocol";
import { readCredential } from "../../access/credential.ts";
import { callerKey } from "../caller/caller.ts";
import { relayError } from "../errors/reasons.ts";
import type { CallerShares, StreamKind } from "../limits/caller-shares.ts";
import { releaseBodyKey } from "../limits/release-body.ts";
import { waitUnlessAborted } from "../limits/wait.ts";
import type { Upstream } from "../upstream/upstream.ts";

export type ForwardOptions = {
  upstream: Upstream;
  /** Longest time of a unary call; also its deadline if the client sets none. */
  unaryDeadlineMs: number;
  /** Ends streams when aborted, with its reason. Calls with one answer may finish. */
  shutdownSignal: AbortSignal;
  /** The shares that streams are counted in. */
  shares: CallerShares;
  /**
   * Called for every message of a client; returns for how many milliseconds to stop reading the
   * stream.
   */
  onRequest?: (message: Message, context: HandlerContext) => number;
  /** Called for every call that failed. */
  onError: (error: unknown, context: HandlerContext) => void;
};

/** Mounts a service on the router, for Connect, gRPC-Web and gRPC. */
export function forwardService(
  router: ConnectRouter,
  service: DescService,
  options: ForwardOptions,
): void {
  const handlers = service.methods.map((method) => [
    method.localName,
    method.methodKind === "unary"
      ? forwardUnary(method as DescMethodUnary, options)
      : forwardStream(method as DescMethodStreaming, options),
  ]);
  router.service(service, Object.fromEntries(handlers) as Partial<ServiceImpl<DescService>>);
}

/** The accessor, called with the credential of the call. */
const callerOf = (upstream: Upstream, { requestHeader, values }: HandlerContext): Upstream =>
  upstream.as(
    readCredential((name) => requestHeader.get(name) ?? undefined),
    values.get(callerKey).network,
  );

/** Which kind of stream a call is. */
export function streamKindOf({ name, methodKind, parent }: DescMethod): StreamKind {
  if (!parent.typeName.startsWith("millrace.")) return "others";
  if (methodKind === "bidi_streaming" || methodKind === "client_streaming") return "ingests";
  return name.startsWith("Watch") ? "feeds" : "exports";
}

function forwardUnary(
  method: DescMethodUnary,
  { upstream, unaryDeadlineMs, onRequest, onError }: ForwardOptions,
) {
  return async (request: Message, context: HandlerContext): Promise<Message> => {
    const timeoutMs = Math.min(context.timeoutMs() ?? unaryDeadlineMs, unaryDeadlineMs);
    onRequest?.(request, context);
    try {
      const answer = await callerOf(upstream, context).transport.unary(
        method,
        context.signal,
        timeoutMs,
        undefined,
        request,
      );
      return answer.message as Message;
    } catch (error) {
      onError(error, context);
      throw relayError(error);
    }
  };
}

function forwardStream(method: DescMethodStreaming, options: ForwardOptions) {
  const { upstream, shutdownSignal, shares, onRequest, onError } = options;
  const kind = streamKindOf(method);
  const streamsIn = method.methodKind !== "server_streaming";
  const stream = async function* (
    requests: Message | AsyncIterable<Message>,
    context: HandlerContext,
  ): AsyncGenerator<Message, void, undefined> {
    const ended = createLinkedAbortController(context.signal, shutdownSignal);
    using borrowed = new DisposableStack();
    // The writer of an answer may never request the rest of it once the client has left.
    ended.signal.addEventListener("abort", () => borrowed.dispose(), { once: true });
    try {
      borrowed.use(shares.enter(kind, context.values.get(callerKey)));
      const { transport } = borrowed.use(callerOf(upstream, context).borrow());
      ended.signal.throwIfAborted();
      const input = (streamsIn ? requests : one(requests as Message)) as AsyncIterable<Message>;
      const releaseBody = context.values.get(releaseBodyKey);
      const observed = observe(
        input,
        (message) => waitUnlessAborted(onRequest?.(message, context) ?? 0, ended.signal),
        releaseBody,
      );
      const answer = await transport.stream(
        method,
        ended.signal,
        context.timeoutMs(),
        undefined,
        observed,
      );
      yield* answer.message as AsyncIterable<Message>;
    } catch (error) {
      onError(error, context);
      throw relayError(error);
    } finally {
      ended.abort();
    }
  };
  if (method.methodKind !== "client_streaming") return stream;
  return async (requests: AsyncIterable<Message>, context: HandlerContext): Promise<Message> => {
    let last: Message | undefined;
    for await (const message of stream(requests, context)) last = message;
    return last!;
  };
}

/**
 * Passes a message on before it waits, so that received messages are not held back. Calls
 * `releaseBody` once the message was taken.
 */
async function* observe(
  messages: AsyncIterable<Message>,
  onMessage: (message: Message) => Promise<void>,
  releaseBody: (() => void) | undefined,
): AsyncGenerator<Message, void, undefined> {
  for await (const message of messages) {
    const waiting = onMessage(message);
    yield message;
    releaseBody?.();
    await waiting;
  }
}

async function* one(message: Message): AsyncGenerator<Message, void, undefined> {
  yield message;
}
