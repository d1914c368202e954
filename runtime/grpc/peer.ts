// The peer at the other end of a call's connection, as its handler sees it.
import { type ContextKey, createContextKey } from "@connectrpc/connect";

export type Peer = {
  /** Without the port; "unknown" if the connection is closed. */
  readonly address: string;
  /**
   * The names of the client's certificate as in tls/client-names.ts; none if the server asked for
   * none.
   */
  certificateNames(): readonly string[];
};

export const peerKey: ContextKey<Peer | undefined> = createContextKey<Peer | undefined>(undefined, {
  description: "the other end of the connection",
});

/** "10.0.0.7:47011" and "::1:47011" without the port. */
export function addressOf(peer: string): string {
  const colon = peer.lastIndexOf(":");
  return colon < 0 ? peer : peer.slice(0, colon);
}
