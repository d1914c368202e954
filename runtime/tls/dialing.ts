// Settings of a TLS client of one of our servers: which authorities to trust, and which certificate
// to present.
import { ConfigError, setting } from "../config.ts";
import { text } from "../config-values.ts";
import type { CertificateFiles } from "./certificates.ts";

const file = text({ placeholder: "FILE", expects: "a file" });

/** server: the name of the setting that has its URL, and the prefix of these settings. */
export function dialingSettings(server: string) {
  const of = (part: "ca" | "cert" | "key", doc: string) =>
    setting({
      flag: `${server}-${part}`,
      env: `MILLRACE_${server.toUpperCase()}_${part.toUpperCase()}`,
      parse: file,
      optional: true,
      doc,
    });
  return {
    serverCa: of(
      "ca",
      "with an https URL: PEM file of the authorities to believe; default those of Node",
    ),
    serverCert: of(
      "cert",
      "with an https URL: PEM file with the certificate to show; all three are read again when they change",
    ),
    serverKey: of("key", "PEM file with the key of that certificate"),
  };
}

type Dialing = {
  serverCa: string | undefined;
  serverCert: string | undefined;
  serverKey: string | undefined;
};

/**
 * undefined: no files. Throws ConfigError for files that do not match, or that would not be used.
 */
export function toClientFiles(
  server: string,
  { url, serverCa: ca, serverCert: cert, serverKey: key }: Dialing & { url: string },
): CertificateFiles | undefined {
  if (ca === undefined && cert === undefined && key === undefined) return undefined;
  if (!url.startsWith("https:"))
    throw new ConfigError([`--${server}-…: certificates require an https URL`]);
  if ((cert === undefined) !== (key === undefined))
    throw new ConfigError([`--${server}-cert and --${server}-key must be given together`]);
  return { ca, cert, key };
}
