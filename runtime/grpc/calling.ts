// The caller of a call, known from its connection, its headers and the decision about it.
import { type ContextValues, createContextValues } from "@connectrpc/connect";
import type { Metadata, ServerInterceptingCallInterface } from "@grpc/grpc-js";
import { namesOf } from "../tls/client-names.ts";
import { addressOf, peerKey } from "./peer.ts";

/** What was decided about a call before any of its messages was read. */
export type Authorized = {
  /** Values for the handler's context. */
  contextValues: ContextValues;
  /** When it aborts, a call that is a stream ends with its reason. */
  abort?: AbortSignal | undefined;
};

/** The parts of a call that identify its caller. */
export type Calling = Pick<ServerInterceptingCallInterface, "getPeer" | "getAuthContext"> & {
  readonly metadata: Metadata;
};

export type Caller = { values: ContextValues; requestHeader: Headers };

/** Adds the peer to the context values of the decision. */
export function readCaller(call: Calling, authorized: Authorized | undefined): Caller {
  const { contextValues: values = createContextValues() } = authorized ?? {};
  values.set(peerKey, {
    address: addressOf(call.getPeer()),
    certificateNames: () => namesOf(call.getAuthContext().sslPeerCertificate?.subjectaltname),
  });
  const requestHeader = new Headers();
  for (const [key, value] of Object.entries(call.metadata.getMap())) {
    if (typeof value === "string") requestHeader.append(key, value);
  }
  return { values, requestHeader };
}
