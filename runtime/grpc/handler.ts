// Connect service implementations as grpc-js handlers: context, flow control, cancellation and
// status for the four kinds of calls.
import {
  create,
  type DescMessage,
  type DescMethod,
  type DescService,
  type Message,
} from "@bufbuild/protobuf";
import {
  Code,
  ConnectError,
  createHandlerContext,
  type HandlerContext,
  type ServiceImpl,
} from "@connectrpc/connect";
import type {
  Metadata,
  ServerDuplexStream,
  ServerUnaryCall,
  UntypedHandleCall,
  UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { inTurnsOf, Turns } from "../turns.ts";
import type { Arrival } from "./arrivals.ts";
import { type Authorized, readCaller } from "./calling.ts";
import type { Codecs } from "./codecs.ts";
import { type Compress, gzipMetadata, isWorthCompressing, offersGzip } from "./compress.ts";
import type { InTurn } from "./decompress.ts";
import { isLarge } from "./encode-in-turns.ts";
import { headBytes, sharedFrame, toFrame, toFrameInTurns } from "./frame.ts";
import { type MessageLimits, maxSentBytes } from "./message-limits.ts";
import type { Fields } from "./message-weight.ts";
import type { ByteAccount, Outgoing, OutgoingWatch } from "./outgoing.ts";
import { ended, readMessage, readMessages } from "./read-requests.ts";
import { toStatusObject } from "./status.ts";

type Call = ServerDuplexStream<Message, Message> & ServerUnaryCall<Message, Message>;
type UnaryCallback = (status: unknown, answer?: Buffer) => void;
type Context = ReturnType<typeof createHandlerContext>;
// biome-ignore lint/suspicious/noExplicitAny: the four signatures meet here; ServiceImpl types them for those who write handlers
type AnyHandler = (request: any, context: HandlerContext) => any;

export type HandlerOptions = {
  /** The decision about the call whose metadata this is, if there was one. */
  authorizedBy?: (metadata: Metadata) => Authorized | undefined;
  /** Ends every stream when aborted, with its reason. Unary calls are left to finish. */
  shutdownSignal: AbortSignal;
  /** What a request of a method may cost. */
  limitsOf: (method: DescMethod) => MessageLimits;
  /** Of all calls together, so many requests are decompressed at once. */
  decompressInTurn: InTurn;
  /** Faster ways to decode some requests and encode some answers. Default: none. */
  codecs?: Codecs;
  /** Of all calls together. */
  compress: Compress;
  /**
   * Whether answers of a method are compressed for clients that offer it. Default: of every method.
   */
  compresses?: (method: DescMethod) => boolean;
  /** What the messages of the call take whose metadata this is. */
  arrivalOf?: (metadata: Metadata) => Arrival | undefined;
  /**
   * Throws a ConnectError for a single request that breaks a rule. Messages of request streams are
   * the handler's to check.
   */
  validate?: (desc: DescMessage, message: Message) => void;
  /** Where what clients have not read is counted. */
  outgoing: OutgoingWatch;
  /** What a call's unread bytes count against beside the stream itself. */
  accountOf?: ((context: HandlerContext) => ByteAccount) | undefined;
  /** Turns what a handler threw into what the client is told (and logs it). */
  toError: (error: unknown, call: Pick<HandlerContext, "method">) => ConnectError;
  /**
   * What a call fails with whose answer is larger than a client takes; toError is told of it.
   * Default: RESOURCE_EXHAUSTED.
   */
  answerTooLarge?: (bytes: number) => unknown;
};

/**
 * An implementation of a service as grpc-js wants it: method by local name. What it lacks answers
 * UNIMPLEMENTED.
 */
export function toHandlers<S extends DescService>(
  service: S,
  impl: Partial<ServiceImpl<S>>,
  options: HandlerOptions,
): UntypedServiceImplementation {
  const handlers: UntypedServiceImplementation = {};
  for (const method of service.methods) {
    const handle =
      (impl as Record<string, AnyHandler>)[method.localName]?.bind(impl) ?? unimplemented(method);
    const streamsIn =
      method.methodKind === "client_streaming" || method.methodKind === "bidi_streaming";
    const streamsOut =
      method.methodKind === "server_streaming" || method.methodKind === "bidi_streaming";
    const reading = {
      desc: method.input,
      bounds: options.limitsOf(method),
      codecs: options.codecs,
      inTurn: options.decompressInTurn,
    };
    const request = async (call: Call, { signal: abort }: Context) => {
      const read = { ...reading, arrival: options.arrivalOf?.(call.metadata) };
      return streamsIn
        ? readMessages(call, abort, read)
        : checkRequest(method, await readMessage(call.request, read), options);
    };
    const answerOne = (call: Call, callback: UnaryCallback) =>
      void answerOnce(call, method, options, async (context) =>
        handle(await request(call, context), context),
      ).then(
        (answer) => callback(null, answer),
        (status) => callback(status),
      );
    const answerMany = (call: Call) =>
      void answerStream(call, method, options, async (context) =>
        handle(await request(call, context), context),
      );
    const answer: (call: Call, callback: UnaryCallback) => void = streamsOut
      ? answerMany
      : answerOne;
    // The handler sets the owner, once it knows the caller.
    const handleCall: typeof answer = (call, callback) =>
      inTurnsOf(undefined, () => answer(call, callback));
    handlers[method.localName] = handleCall as UntypedHandleCall;
  }
  return handlers;
}

/**
 * What gRPC has a server answer for a method of a service that it mounts without; see
 * https://grpc.io/docs/guides/status-codes.
 */
function unimplemented({ name, parent }: DescMethod): AnyHandler {
  return () => {
    throw new ConnectError(`${parent.typeName}/${name} is not implemented`, Code.Unimplemented);
  };
}

function checkRequest(method: DescMethod, message: Message, { validate }: HandlerOptions): Message {
  validate?.(method.input, message);
  return message;
}

// A longer timer would fire at once; nobody waits 24 days for an answer.
const maxTimerMs = 2 ** 31 - 1;

function openContext(
  call: Call,
  method: DescMethod,
  { shutdownSignal, authorizedBy }: HandlerOptions,
): Context {
  const authorized = authorizedBy?.(call.metadata);
  const { values, requestHeader } = readCaller(call, authorized);
  const timeoutMs = Math.max(0, Number(call.getDeadline()) - Date.now());
  const context = createHandlerContext({
    service: method.parent,
    method,
    protocolName: "grpc",
    requestMethod: "POST",
    url: `/${method.parent.typeName}/${method.name}`,
    requestHeader,
    ...(method.methodKind === "unary"
      ? {}
      : { shutdownSignal, ...(authorized?.abort && { requestSignal: authorized.abort }) }),
    contextValues: values,
    ...(timeoutMs <= maxTimerMs ? { timeoutMs } : {}),
  });
  call.once("cancelled", () => {
    // grpc-js says so of every call that is over, and an error with its stack took a tenth of what
    // a small call takes.
    if (!context.signal.aborted)
      context.abort(new ConnectError("the client cancelled the call", Code.Canceled));
  });
  return context;
}

async function answerOnce(
  call: Call,
  method: DescMethod,
  options: HandlerOptions,
  run: (context: Context) => Promise<Message>,
) {
  const context = openContext(call, method, options);
  try {
    const plain = await toAnswer(method, await run(context), options);
    const outgoing = outgoingOf(call, context, options);
    const compresses = isWorthCompressing(plain) && mayCompress(call, method, options);
    const answer = (compresses ? await options.compress(plain, outgoing) : undefined) ?? plain;
    if (answer !== plain) call.sendMetadata(gzipMetadata());
    outgoing.answer(answer);
    return answer;
  } catch (error) {
    throw toStatusObject(options.toError(error, context));
  } finally {
    context.abort(ended);
    if (method.methodKind === "unary") options.arrivalOf?.(call.metadata)?.done();
  }
}

async function answerStream(
  call: Call,
  method: DescMethod,
  options: HandlerOptions,
  run: (context: Context) => Promise<AsyncIterable<Message>>,
): Promise<void> {
  const context = openContext(call, method, options);
  try {
    let outgoing: Outgoing | undefined;
    let compresses = mayCompress(call, method, options);
    for await (const message of await run(context)) {
      if (call.cancelled) return;
      const encoding = toAnswer(method, message, options);
      // Most are encoded at once, and a promise for each would be felt.
      let answer = encoding instanceof Promise ? await encoding : encoding;
      if (call.cancelled) return;
      // Only now: whose call it is shows when its handler runs.
      if (outgoing === undefined) {
        outgoing = outgoingOf(call, context, options);
        if (compresses) call.sendMetadata(gzipMetadata());
      }
      if (compresses && isWorthCompressing(answer)) {
        const packed = await options.compress(answer, outgoing);
        if (call.cancelled) return;
        // What follows is likely to be of the same kind.
        compresses = packed !== answer;
        answer = packed ?? answer;
      }
      const drained = outgoing.write(answer, context.signal);
      if (drained === undefined) continue;
      await drained;
      if (call.cancelled) return;
      context.signal.throwIfAborted();
    }
    call.end();
  } catch (error) {
    const known = options.toError(error, context);
    if (!call.cancelled) call.emit("error", toStatusObject(known));
  } finally {
    context.abort(ended);
  }
}

/**
 * The frame of an answer. An answer that is small or already encoded, as nearly all are, gives it
 * at once; a large one is encoded in turns.
 */
function toAnswer(
  { output }: DescMethod,
  init: Message,
  options: HandlerOptions,
): Buffer | Promise<Buffer> {
  const { codecs } = options;
  const known = sharedFrame(init);
  if (known !== undefined) return assertSize(known, options);
  if (!isLarge(output, init as unknown as Fields))
    return assertSize(toFrame(output, create(output, init), codecs), options);
  return toFrameInTurns(output, init, { turns: new Turns(), codecs }).then((frame) =>
    assertSize(frame, options),
  );
}

/**
 * The last guard: no client of default settings could take more, and whoever asks again would fail
 * again.
 */
function assertSize(frame: Buffer, { answerTooLarge }: HandlerOptions): Buffer {
  const byteLength = frame.byteLength - headBytes;
  if (byteLength <= maxSentBytes) return frame;
  throw (
    answerTooLarge?.(byteLength) ??
    new ConnectError(`the answer has ${byteLength} bytes`, Code.ResourceExhausted)
  );
}

/** What answers messages of a client one by one is short, and in a hurry. */
const mayCompress = (call: Call, method: DescMethod, { compresses }: HandlerOptions) =>
  method.methodKind !== "bidi_streaming" && offersGzip(call) && (compresses?.(method) ?? true);

function outgoingOf(
  call: Call,
  context: Context,
  { outgoing, accountOf }: HandlerOptions,
): Outgoing {
  return outgoing.open(call, accountOf?.(context), (reason) => context.abort(reason));
}
