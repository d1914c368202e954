// Where a service may listen: its TLS settings, and what it must have, or be explicitly configured
// to do without, before other machines can connect.
import { isIP } from "node:net";
import { ConfigError, type SettingsOf, setting } from "../config.ts";
import { onOff, text } from "../config-values.ts";
import type { CertificateFiles } from "./certificates.ts";

const file = text({ placeholder: "FILE", expects: "a file" });

export const listeningSettings = {
  tlsCert: setting({
    flag: "tls-cert",
    env: "MILLRACE_TLS_CERT",
    parse: file,
    optional: true,
    doc: "serve TLS with the certificate in this PEM file, which is read again when it changes",
  }),
  tlsKey: setting({
    flag: "tls-key",
    env: "MILLRACE_TLS_KEY",
    parse: file,
    optional: true,
    doc: "PEM file with the key of that certificate",
  }),
  tlsClientCa: setting({
    flag: "tls-client-ca",
    env: "MILLRACE_TLS_CLIENT_CA",
    parse: file,
    optional: true,
    doc: "PEM file of certificate authorities: every client must present a certificate from one of them",
  }),
  listenWithoutTls: setting({
    flag: "listen-without-tls",
    env: "MILLRACE_LISTEN_WITHOUT_TLS",
    parse: onOff(),
    doc: "serve other hosts without encryption",
  }),
  listenWithoutAuthentication: setting({
    flag: "listen-without-authentication",
    env: "MILLRACE_LISTEN_WITHOUT_AUTHENTICATION",
    parse: onOff(),
    doc: "serve other hosts without requiring a key, token or certificate",
  }),
};

type Listening = SettingsOf<typeof listeningSettings> & { listen: { host: string } };

/** undefined: no TLS. Throws ConfigError if the configured files are not sufficient for it. */
export function toServerFiles({
  tlsCert: cert,
  tlsKey: key,
  tlsClientCa: ca,
}: Listening): CertificateFiles | undefined {
  if (cert === undefined && key === undefined && ca === undefined) return undefined;
  if (cert === undefined || key === undefined)
    throw new ConfigError([
      "--tls-cert and --tls-key must be given together, and --tls-client-ca needs both",
    ]);
  return { cert, key, ca };
}

export const isLoopbackHost = (host: string): boolean =>
  isIP(host) === 4 ? host.startsWith("127.") : host === "localhost" || host === "::1";

/**
 * Throws ConfigError if other hosts can reach the address and a protection is missing that was not
 * explicitly turned off. authenticates: whether the service requires a credential of every caller.
 * Client certificates count as that.
 */
export function assertListenAllowed(
  settings: Listening,
  { authenticates }: { authenticates: boolean },
): void {
  const { host } = settings.listen;
  if (isLoopbackHost(host)) return;
  const lacks: string[] = [];
  const reach = `--listen: ${host} can be reached from other hosts, and there is no`;
  if (settings.tlsCert === undefined && !settings.listenWithoutTls)
    lacks.push(
      `${reach} encryption: give --tls-cert and --tls-key, or accept it with --listen-without-tls (MILLRACE_LISTEN_WITHOUT_TLS=true)`,
    );
  if (!authenticates && settings.tlsClientCa === undefined && !settings.listenWithoutAuthentication)
    lacks.push(
      `${reach} authentication: turn it on, give --tls-client-ca, or accept it with ` +
        "--listen-without-authentication (MILLRACE_LISTEN_WITHOUT_AUTHENTICATION=true)",
    );
  if (lacks.length > 0) throw new ConfigError(lacks);
}
