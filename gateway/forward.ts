// Passes calls on to the accessor, message for message, for any service. Checks nothing that the accessor checks.
import type { DescMethodStreaming, DescMethodUnary, DescService, Message } from "@bufbuild/protobuf";
import type { ConnectRouter, HandlerContext, ServiceImpl } from "@connectrpc/connect";
import { createLinkedAbortController } from "@connectrpc/connect/protocol";
import { readCredential } from "../access/credential.ts";
import { relayError } from "./errors.ts";
import type { Upstream } from "./upstream.ts";

export type ForwardOptions = {
  upstream: Upstream;
  /** Longest that a unary call may take; also what it gets if the client names no deadline. */
  unaryDeadlineMs: number;
  /** Ends streams when aborted, with its reason. Calls with one answer may finish. */
  shutdownSignal: AbortSignal;
  /** Told of every call that failed. */
  onError: (error: unknown, context: HandlerContext) => void;
};

/** Mounts a service on the router: Connect, gRPC-Web and gRPC come with it. */
export function forwardService(router: ConnectRouter, service: DescService, options: ForwardOptions): void {
  const handlers = service.methods.map((method) => [
    method.localName,
    method.methodKind === "unary"
      ? forwardUnary(method as DescMethodUnary, options)
      : forwardStream(method as DescMethodStreaming, options),
  ]);
  router.service(service, Object.fromEntries(handlers) as Partial<ServiceImpl<DescService>>);
}

/** The accessor, asked with the credential that the call came with. */
const callerOf = (upstream: Upstream, { requestHeader }: HandlerContext): Upstream =>
  upstream.as(readCredential((name) => requestHeader.get(name) ?? undefined));

function forwardUnary(method: DescMethodUnary, { upstream, unaryDeadlineMs, onError }: ForwardOptions) {
  return async (request: Message, context: HandlerContext): Promise<Message> => {
    const timeoutMs = Math.min(context.timeoutMs() ?? unaryDeadlineMs, unaryDeadlineMs);
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

function forwardStream(method: DescMethodStreaming, { upstream, shutdownSignal, onError }: ForwardOptions) {
  const streamsIn = method.methodKind !== "server_streaming";
  const stream = async function* (
    requests: Message | AsyncIterable<Message>,
    context: HandlerContext,
  ): AsyncGenerator<Message, void, undefined> {
    const { transport, giveBack } = callerOf(upstream, context).borrow();
    const ended = createLinkedAbortController(context.signal, shutdownSignal);
    try {
      const input = (streamsIn ? requests : one(requests as Message)) as AsyncIterable<Message>;
      const answer = await transport.stream(method, ended.signal, context.timeoutMs(), undefined, input);
      yield* answer.message as AsyncIterable<Message>;
    } catch (error) {
      onError(error, context);
      throw relayError(error);
    } finally {
      ended.abort();
      giveBack();
    }
  };
  if (method.methodKind !== "client_streaming") return stream;
  return async (requests: AsyncIterable<Message>, context: HandlerContext): Promise<Message> => {
    let last: Message | undefined;
    for await (const message of stream(requests, context)) last = message;
    return last!;
  };
}

async function* one(message: Message): AsyncGenerator<Message, void, undefined> {
  yield message;
}
