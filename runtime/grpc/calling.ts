// Who makes a call, as its connection, its headers and the decision about it tell.
import { type ContextValues, createContextValues } from "@connectrpc/connect";
import type { Metadata, ServerInterceptingCallInterface } from "@grpc/grpc-js";
import { namesOf } from "../tls/client-names.ts";
import { addressOf, peerKey } from "./peer.ts";

/** What was decided about a call before any of its messages was read. */
export type Authorized = {
  /** For the handler: its context's values. */
  contextValues: ContextValues;
  /** Ends the call if it is a stream when aborted, with its reason. */
  abort?: AbortSignal | undefined;
};

/** As much of a call as tells. */
export type Calling = Pick<ServerInterceptingCallInterface, "getPeer" | "getAuthContext"> & {
  readonly metadata: Metadata;
};

export type Caller = { values: ContextValues; requestHeader: Headers };

/** Sets the peer among the values that were decided. */
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
