// How a grpc-js client connects to a server: in the clear, or by TLS with certificates that may
// change while it runs.
import { isIP } from "node:net";
import { checkServerIdentity, getCACertificates } from "node:tls";
import {
  type ChannelCredentials,
  type ChannelOptions,
  credentials,
  experimental,
  type VerifyOptions,
} from "@grpc/grpc-js";
import type { CertificateSet, Certificates } from "../tls/certificates.ts";

/**
 * Chosen by the URL's scheme. The server's certificate must be for the URL's host. Use it together
 * with serverNameOptions.
 */
export function toChannelCredentials(
  url: URL,
  certificates: Certificates | undefined,
): ChannelCredentials {
  if (url.protocol !== "https:") return credentials.createInsecure();
  const address = addressOf(url);
  const verify: VerifyOptions =
    address === undefined
      ? {}
      : { checkServerIdentity: (_, certificate) => checkServerIdentity(address, certificate) };
  if (certificates === undefined) return credentials.createSsl(null, null, null, verify);
  const believed = createProvider(certificates, ({ ca }) => ({ caCertificate: ca ?? nodesOwn() }));
  const shown = createProvider(certificates, ({ cert, key }) =>
    cert && key ? { certificate: cert, privateKey: key } : null,
  );
  const { cert } = certificates.current;
  return experimental.createCertificateProviderChannelCredentials(
    believed,
    cert ? shown : null,
    verify,
  );
}

/**
 * grpc-js would send an IP address as the server name, which TLS does not allow: Node warns, and
 * will ignore it (DEP0123).
 */
export const serverNameOptions = (url: URL): ChannelOptions =>
  addressOf(url) === undefined ? {} : { "grpc.ssl_target_name_override": "localhost" };

function addressOf({ hostname }: URL): string | undefined {
  const host = hostname.replace(/^\[(.*)\]$/, "$1");
  return isIP(host) > 0 ? host : undefined;
}

const nodesOwn = () => Buffer.from(getCACertificates("default").join("\n"));

/** A certificate provider for grpc-js: each provider serves listeners of one kind. */
function createProvider<Update>(
  certificates: Certificates,
  toUpdate: (set: CertificateSet) => Update | null,
): experimental.CertificateProvider {
  const stops = new Map<unknown, () => void>();
  const add = (listener: (update: never) => void) => {
    const tell = (set: CertificateSet) =>
      (listener as (update: Update | null) => void)(toUpdate(set));
    stops.set(listener, certificates.onChange(tell));
    tell(certificates.current);
  };
  const remove = (listener: unknown) => {
    stops.get(listener)?.();
    stops.delete(listener);
  };
  return {
    addCaCertificateListener: add,
    removeCaCertificateListener: remove,
    addIdentityCertificateListener: add,
    removeIdentityCertificateListener: remove,
  };
}
