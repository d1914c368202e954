// TLS on connections that were accepted elsewhere: with a time limit on handshakes, client
// certificates if required, and certificates that may change.
import { constants } from "node:crypto";
import type { Socket } from "node:net";
import { createServer, type SecureContextOptions, type TLSSocket } from "node:tls";
import type { CertificateSet, Certificates } from "./certificates.ts";
import { namesOf } from "./client-names.ts";

/** Why a connection was refused: the code of OpenSSL or Node, or CLIENT_NAME. */
export type TlsRefusal = { reason: string; peer: string | undefined; names?: readonly string[] };

export type TlsOptions = {
  /** With authorities (`ca`), each client must present a certificate of theirs. */
  certificates: Certificates;
  /** Protocols to negotiate, best first. A client that offers none gets none. */
  protocols: readonly string[];
  /** Longest duration of a handshake. */
  handshakeMs: number;
  /**
   * Most handshakes at once. Further connections are closed on arrival. Default 10,000: with a low
   * bound, that many silent clients would keep everyone out.
   */
  maxHandshakes?: number;
  /**
   * Which clients to admit, by the names in their certificate. Default: every client that has one.
   */
  allowsClient?: ((names: readonly string[]) => boolean) | undefined;
  onSecure: (socket: TLSSocket) => void;
  onRefused: (refusal: TlsRefusal) => void;
};

export type TlsLayer = Disposable & {
  /** Takes over a connection. It is returned through onSecure, or closed. */
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
  // This server never listens itself.
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
    // Only this reveals a certificate that is not trusted: Node reports ECONNRESET, after it has
    // closed the connection itself.
    const { authorizationError } = socket as { authorizationError?: unknown };
    const reason = String(authorizationError || error.code || error.message);
    if (reason !== "ECONNRESET") onRefused({ reason, peer: socket.remoteAddress });
    socket.destroy();
  });
  const stop = certificates.onChange((set) => server.setSecureContext(toContext(set)));

  function toContext({ cert, key, ca }: CertificateSet): SecureContextOptions {
    // A resumed session would keep a certificate that was checked when the session began, against
    // the authorities and names of that time.
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
 * Identifies a connection by its two ends: Node returns the secured connection without a reference
 * to the raw one. Empty if it is already closed.
 */
function nameOf({ localAddress, localPort, remoteAddress, remotePort }: Socket): string {
  return remoteAddress === undefined
    ? ""
    : [localAddress, localPort, remoteAddress, remotePort].join(" ");
}
