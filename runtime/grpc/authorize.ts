// Decides about calls when only their metadata has arrived: the messages of a refused call are
// never read, decompressed or parsed.
import { ConnectError } from "@connectrpc/connect";
import {
  type Metadata,
  ServerInterceptingCall,
  type ServerInterceptor,
  ServerListenerBuilder,
} from "@grpc/grpc-js";
import { namesOf } from "../tls/client-names.ts";
import type { Authorized } from "./calling.ts";
import { toStatusObject } from "./status.ts";

export type CallHead = {
  /** "/package.Service/Method". */
  path: string;
  /** A header by its name in lower case; several of one name are joined by ", ". */
  header: (name: string) => string | undefined;
  /** Address of the client. */
  peer: string;
  /**
   * The names of the client's certificate as in client-names.ts; none if the server asked for none.
   */
  certificateNames: () => readonly string[];
};

/** Resolves to admit a call; rejects with a ConnectError to refuse it. */
export type Authorize = (head: CallHead) => Promise<Authorized>;

/**
 * The interceptor that asks for the decision, and a lookup of the decision about a call by the
 * metadata object that its handler has.
 */
export function createAuthorization(authorize: Authorize): {
  interceptor: ServerInterceptor;
  authorizedBy: (metadata: Metadata) => Authorized | undefined;
} {
  const decided = new WeakMap<Metadata, Authorized>();
  const interceptor: ServerInterceptor = ({ path }, call) => {
    const decide = (metadata: Metadata, letIn: (metadata: Metadata) => void) => {
      const header = (name: string) => {
        const values = metadata.get(name).filter((value) => typeof value === "string");
        return values.length === 0 ? undefined : values.join(", ");
      };
      const certificateNames = () =>
        namesOf(call.getAuthContext().sslPeerCertificate?.subjectaltname);
      authorize({ path, header, peer: call.getPeer(), certificateNames }).then(
        (authorized) => {
          decided.set(metadata, authorized);
          letIn(metadata);
        },
        (error: unknown) => call.sendStatus(toStatusObject(ConnectError.from(error))),
      );
    };
    return new ServerInterceptingCall(call, {
      start: (next) => next(new ServerListenerBuilder().withOnReceiveMetadata(decide).build()),
    });
  };
  return { interceptor, authorizedBy: (metadata) => decided.get(metadata) };
}
