// TLS on connections that somebody else accepted: handshake in time, a client's certificate where
// one is asked for, certificates that change.
import { constants } from "node:crypto";
import type { Socket } from "node:net";
import { createServer, type SecureContextOptions, type TLSSocket } from "node:tls";
import type { CertificateSet, Certificates } from "./certificates.ts";
import { namesOf } from "./client-names.ts";

/** Why a connection was refused: what OpenSSL or Node calls it, or CLIENT_NAME. */
export type TlsRefusal = { reason: string; peer: string | undefined; names?: readonly string[] };

export type TlsOptions = {
  /** With authorities (`ca`), each client has to show a certificate of theirs. */
  certificates: Certificates;
  /** Protocols to agree on, best first. A client that names none of its own gets none. */
  protocols: readonly string[];
  /** Longest that a handshake may take. */
  handshakeMs: number;
  /**
   * Handshakes at once. Further connections are closed as they come. Default 10,000: with few, as
   * many silent clients keep everyone out.
   */
  maxHandshakes?: number;
  /** Whom to let in, by the names in a client's certificate. Default: everyone that has one. */
  allowsClient?: ((names: readonly string[]) => boolean) | undefined;
  onSecure: (socket: TLSSocket) => void;
  onRefused: (refusal: TlsRefusal) => void;
};

export type TlsLayer = Disposable & {
  /** Takes a connection over. It comes back through onSecure, or is closed. */
  secure(raw: Socket): void;
};

/** Disposal closes what is still in its handshake and leaves the rest alone. */
export function createTlsLayer(options: TlsOptions): TlsLayer {
  const {
    certificates,
    protocols,
    handshakeMs,
    maxHandshakes = 10_000,
    allowsClient = () => true,
  } = options;
  const { onSecure, onRefused } = options;
  const asksClients = certificates.current.ca !== undefined;
  const inHandshake = new Map<string, Socket>();
  let closed = false;
  // It never listens itself.
  const server = createServer({
    ...toContext(certificates.current),
    requestCert: asksClients,
    rejectUnauthorized: true,
    ALPNProtocols: [...protocols],
    handshakeTimeout: handshakeMs,
  });
  server.on("secureConnection", (socket) => {
    const raw = inHandshake.get(nameOf(socket));
    socket.on("error", () => socket.destroy());
    const names = asksClients ? namesOf(socket.getPeerX509Certificate()?.subjectAltName) : [];
    const isAllowed = !asksClients || (socket.authorized && allowsClient(names));
    if (!isAllowed) onRefused({ reason: "CLIENT_NAME", peer: socket.remoteAddress, names });
    if (closed || raw === undefined || !isAllowed) {
      socket.destroy();
      return;
    }
    inHandshake.delete(nameOf(socket));
    onSecure(socket);
  });
  server.on("tlsClientError", (error: NodeJS.ErrnoException, socket) => {
    // A certificate that is not believed is found only by this: Node says ECONNRESET, after it has
    // closed the connection itself.
    const { authorizationError } = socket as { authorizationError?: unknown };
    const reason = String(authorizationError || error.code || error.message);
    if (reason !== "ECONNRESET") onRefused({ reason, peer: socket.remoteAddress });
    socket.destroy();
  });
  const stop = certificates.onChange((set) => server.setSecureContext(toContext(set)));

  function toContext({ cert, key, ca }: CertificateSet): SecureContextOptions {
    // A resumed session would bring a certificate along that was looked at when it began, by the
    // authorities and names of then.
    const secureOptions = asksClients ? constants.SSL_OP_NO_TICKET : 0;
    return {
      ...(cert && { cert }),
      ...(key && { key }),
      ...(ca && { ca }),
      minVersion: "TLSv1.2",
      secureOptions,
    };
  }

  return {
    secure(raw) {
      const name = nameOf(raw);
      if (closed || name === "" || inHandshake.size >= maxHandshakes) {
        raw.destroy();
        return;
      }
      inHandshake.set(name, raw);
      raw.once("close", () => {
        if (inHandshake.get(name) === raw) inHandshake.delete(name);
      });
      server.emit("connection", raw);
    },
    [Symbol.dispose]() {
      closed = true;
      stop();
      for (const raw of inHandshake.values()) raw.destroy();
    },
  };
}

/**
 * A connection by its two ends: Node hands out the secured one without saying which it was before.
 * Empty if it is already closed.
 */
function nameOf({ localAddress, localPort, remoteAddress, remotePort }: Socket): string {
  return remoteAddress === undefined
    ? ""
    : [localAddress, localPort, remoteAddress, remotePort].join(" ");
}
