// A Connect transport over grpc-js, so that our clients are Connect clients on grpc-js's HTTP/2
// stack.
import { create, type DescMessage, type DescMethod, type Message } from "@bufbuild/protobuf";
import {
  Code,
  ConnectError,
  type StreamResponse,
  type Transport,
  type UnaryResponse,
} from "@connectrpc/connect";
import { type CallOptions, Client, type ClientDuplexStream, Metadata } from "@grpc/grpc-js";
import { widenClientConnections } from "../connection-window.ts";
import type { Certificates } from "../tls/certificates.ts";
import { serverNameOptions, toChannelCredentials } from "./client-tls.ts";
import { type Codecs, noCodecs } from "./codecs.ts";
import { declineHeader } from "./compress.ts";
import { toClientDefinition } from "./definition.ts";
import { answerLimits, maxSentBytes } from "./message-limits.ts";
import { ReadAhead } from "./read-ahead.ts";
import { type RequestSource, receive } from "./receive-answers.ts";

export type GrpcTransportOptions = {
  /** Where the server is: "http://127.0.0.1:50051", or "https://…" for TLS. */
  baseUrl: string;
  /**
   * With https: authorities to trust, default those of Node, and a certificate to present if the
   * server asks. New ones are used from the next connection on.
   */
  certificates?: Certificates | undefined;
  /**
   * Largest message that is accepted from the server. Default 4 MiB, as for every gRPC client: a
   * server must not send more.
   */
  maxMessageBytes?: number;
  /**
   * How many bytes a stream may receive before they are read; an unread stream holds this much.
   * Default 1 MiB. With HTTP/2's own 64 KiB a message of 400 KB took 6 ms on loopback, and over a
   * network it takes a round trip for each 64 KiB.
   */
  windowBytes?: number;
  /** Faster encoders for some requests and decoders for some answers. Default: none. */
  codecs?: Codecs;
  /** Sent with every call. */
  headers?: Record<string, string>;
};

export type GrpcTransport = Transport &
  Disposable & {
    /** Bytes of answers that have arrived as whole messages and are not read yet. */
    readonly bufferedBytes: number;
  };

// Beyond 2^31 ms, grpc-js's server takes a deadline for one that has passed.
const maxTimeoutMs = 2 ** 31;

/**
 * Connects on first use, and reconnects by itself; meanwhile calls fail with Unavailable. Dispose
 * to close the connection.
 */
export function createGrpcTransport(options: GrpcTransportOptions): GrpcTransport {
  const { baseUrl, headers, codecs = noCodecs } = options;
  const { maxMessageBytes = maxSentBytes, windowBytes = 1024 * 1024 } = options;
  widenClientConnections();
  const decoding = { limits: answerLimits(maxMessageBytes), codecs };
  const url = new URL(baseUrl);
  const buffered = { bytes: 0 };
  const client = new Client(targetOf(url), toChannelCredentials(url, options.certificates), {
    ...serverNameOptions(url),
    "grpc.max_receive_message_length": maxMessageBytes,
    "grpc.max_send_message_length": -1,
    "grpc-node.flow_control_window": windowBytes,
    // Retries buffer what a stream sends (grpc-node#2371); our callers retry themselves.
    "grpc.enable_retries": 0,
    "grpc.enable_channelz": 0,
    "grpc.keepalive_time_ms": 10_000,
    "grpc.keepalive_timeout_ms": 5_000,
    "grpc.initial_reconnect_backoff_ms": 100,
    // Callers have their own backoff, and this is added to it: with 2 s here, producers reconnected
    // 2.2 s after their accessor was back, with 500 ms after 0.8 s.
    "grpc.max_reconnect_backoff_ms": 500,
    // Without this, two clients of one address share a connection, and the first to close it closes
    // it for both.
    "grpc.use_local_subchannel_pool": 1,
  });

  function openCall(
    method: DescMethod,
    abort: AbortSignal | undefined,
    timeoutMs: number | undefined,
    header: RequestInit["headers"],
  ) {
    const { path, requestSerialize, responseDeserialize } = toClientDefinition(method, decoding);
    const ahead = new ReadAhead(buffered);
    const metadata = new Metadata();
    for (const [key, value] of Object.entries(headers ?? {})) metadata.set(key, value);
    new Headers(header).forEach((value, key) => {
      metadata.set(key, value);
    });
    // grpc-js offers gzip by itself. Between our own programs it costs more than it saves.
    metadata.set(declineHeader, "identity");
    const callOptions: CallOptions =
      (timeoutMs ?? maxTimeoutMs) < maxTimeoutMs ? { deadline: Date.now() + timeoutMs! } : {};
    const call: ClientDuplexStream<Message, Message> = client.makeBidiStreamRequest(
      path,
      requestSerialize,
      (bytes) => {
        ahead.came(bytes.length);
        return responseDeserialize(bytes);
      },
      metadata,
      callOptions,
    );
    ahead.holdBack(call);
    const cancel = () => call.cancel();
    if (abort?.aborted) cancel();
    else abort?.addEventListener("abort", cancel, { once: true });
    return { call, ahead, release: () => abort?.removeEventListener("abort", cancel) };
  }

  return {
    async unary<I extends DescMessage, O extends DescMessage>(
      ...[method, abort, timeoutMs, header, input]: Parameters<Transport["unary"]>
    ): Promise<UnaryResponse<I, O>> {
      const { call, ahead, release } = openCall(method, abort, timeoutMs, header);
      call.end(create(method.input, input));
      const { responseHeader, messages } = receive(call, { abort, ahead, release });
      let only: Message | undefined;
      for await (const message of messages) only = message;
      if (only === undefined)
        throw new ConnectError("the server sent no answer", Code.Unimplemented);
      const response = {
        stream: false,
        service: method.parent,
        method,
        header: await responseHeader,
        message: only,
        trailer: new Headers(),
      };
      return response as unknown as UnaryResponse<I, O>;
    },
    async stream<I extends DescMessage, O extends DescMessage>(
      ...[method, abort, timeoutMs, header, input]: Parameters<Transport["stream"]>
    ): Promise<StreamResponse<I, O>> {
      const { call, ahead, release } = openCall(method, abort, timeoutMs, header);
      const source: RequestSource = { failure: undefined };
      const { messages } = receive(call, { abort, ahead, release, source });
      void send(call, { desc: method.input, input: input as AsyncIterable<Message>, source });
      const response = {
        stream: true,
        service: method.parent,
        method,
        // Headers arrive with the first message, so a caller that waits for the stream would wait
        // for its messages.
        header: new Headers(),
        message: messages,
        trailer: new Headers(),
      };
      return response as unknown as StreamResponse<I, O>;
    },
    get bufferedBytes() {
      return buffered.bytes;
    },
    [Symbol.dispose]: () => client.close(),
  };
}

/** URL omits a scheme's default port; grpc-js assumes 443 for both schemes. */
const targetOf = ({ protocol, hostname, port }: URL): string =>
  `${hostname}:${port || (protocol === "https:" ? 443 : 80)}`;

/**
 * Writes requests as fast as the connection takes them. If the source fails, the call is cancelled
 * and fails with the source's error.
 */
async function send(
  call: ClientDuplexStream<Message, Message>,
  {
    desc,
    input,
    source,
  }: { desc: DescMessage; input: AsyncIterable<Message>; source: RequestSource },
): Promise<void> {
  let closed = false;
  let wake = () => {};
  const onEnd = () => {
    closed = true;
    wake();
  };
  const onDrain = () => wake();
  call.once("status", onEnd).once("error", onEnd).on("drain", onDrain);
  try {
    for await (const message of input) {
      if (closed) return;
      if (call.write(create(desc, message))) continue;
      await new Promise<void>((resolve) => {
        wake = resolve;
        if (closed) resolve();
      });
    }
    if (!closed) call.end();
  } catch (error) {
    source.failure = error;
    call.cancel();
  } finally {
    call.off("drain", onDrain);
  }
}
