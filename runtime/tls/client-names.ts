// The names in a certificate, in the form in which they are compared.

/**
 * DNS names (in lower case) and URIs of a subject alternative name, as Node writes it. The common
 * name is not used: its kind is not specified (RFC 6125).
 */
export function namesOf(subjectAltName: string | undefined): string[] {
  // "DNS:mill-7, URI:spiffe://plant/mill-7"; a value with a comma or quotes is written as JSON.
  const entries = (subjectAltName ?? "").matchAll(/(?:^|, )(DNS|URI):("(?:[^"\\]|\\.)*"|[^,]*)/g);
  return [...entries].map(([, kind, written = ""]) => {
    const name: string = written.startsWith('"') ? JSON.parse(written) : written;
    return kind === "DNS" ? name.toLowerCase() : name;
  });
}
