// Turns Connect service implementations into grpc-js handlers: context, flow control, cancellation
// and status for the four kinds of calls.
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
  /** The decision about the call that has this metadata, if there was one. */
  authorizedBy?: (metadata: Metadata) => Authorized | undefined;
  /** Ends every stream when aborted, with its reason. Unary calls are left to finish. */
  shutdownSignal: AbortSignal;
  /** What a request of a method may cost. */
  limitsOf: (method: DescMethod) => MessageLimits;
  /** Limits how many requests of all calls are decompressed at once. */
  decompressInTurn: InTurn;
  /** Faster decoders for some requests and encoders for some answers. Default: none. */
  codecs?: Codecs;
  /** Shared by all calls. */
  compress: Compress;
  /**
   * Whether answers of a method are compressed for clients that offer it. Default: of every method.
   */
  compresses?: (method: DescMethod) => boolean;
  /** The room for messages of the call that has this metadata. */
  arrivalOf?: (metadata: Metadata) => Arrival | undefined;
  /**
   * Throws a ConnectError for a single request that breaks a rule. The handler itself must check
   * the messages of request streams.
   */
  validate?: (desc: DescMessage, message: Message) => void;
  /** Counts what clients have not read. */
  outgoing: OutgoingWatch;
  /** The account that a call's unread bytes count against, besides the stream itself. */
  accountOf?: ((context: HandlerContext) => ByteAccount) | undefined;
  /** Turns what a handler threw into the error that the client gets (and logs it). */
  toError: (error: unknown, call: Pick<HandlerContext, "method">) => ConnectError;
  /**
   * The error of a call whose answer is larger than a client accepts; it is passed to toError.
   * Default: RESOURCE_EXHAUSTED.
   */
  answerTooLarge?: (bytes: number) => unknown;
};

/**
 * An implementation of a service as grpc-js expects it: methods by local name. Missing methods
 * answer UNIMPLEMENTED.
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
      limits: options.limitsOf(method),
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
 * What a gRPC server answers for a method that the mounted service does not implement; see
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

// A longer timer would fire at once, and no call lasts 24 days.
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
    // grpc-js emits this for every finished call, and an error with its stack took a tenth of the
    // time of a small call.
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
  using _message =
    method.methodKind === "unary" ? options.arrivalOf?.(call.metadata)?.atHandler : undefined;
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
      // Most answers are encoded at once, and a promise for each would cost noticeable time.
      let answer = encoding instanceof Promise ? await encoding : encoding;
      if (call.cancelled) return;
      // Open it only now: the caller is known only when the handler runs.
      if (outgoing === undefined) {
        outgoing = outgoingOf(call, context, options);
        if (compresses) call.sendMetadata(gzipMetadata());
      }
      if (compresses && isWorthCompressing(answer)) {
        const packed = await options.compress(answer, outgoing);
        if (call.cancelled) return;
        // Later messages of the stream will probably compress equally well.
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
 * The frame of an answer: returned at once for an answer that is small or already encoded, as
 * nearly all are; a large one is encoded in turns.
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

/** The last check: no client with default settings accepts more, and a retry would fail again. */
function assertSize(frame: Buffer, { answerTooLarge }: HandlerOptions): Buffer {
  const byteLength = frame.byteLength - headBytes;
  if (byteLength <= maxSentBytes) return frame;
  throw (
    answerTooLarge?.(byteLength) ??
    new ConnectError(`the answer has ${byteLength} bytes`, Code.ResourceExhausted)
  );
}

/** Answers to a client's messages one by one are short, and latency matters. */
const mayCompress = (call: Call, method: DescMethod, { compresses }: HandlerOptions) =>
  method.methodKind !== "bidi_streaming" && offersGzip(call) && (compresses?.(method) ?? true);

function outgoingOf(
  call: Call,
  context: Context,
  { outgoing, accountOf }: HandlerOptions,
): Outgoing {
  return outgoing.open(call, accountOf?.(context), (reason) => context.abort(reason));
}
