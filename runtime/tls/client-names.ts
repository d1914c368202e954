// The names that a certificate is for, as those who look at it compare them.

/**
 * DNS names (in lower case) and URIs of a subject alternative name, as Node writes it. Not the
 * common name: nothing says what kind of name that is (RFC 6125).
 */
export function namesOf(subjectAltName: string | undefined): string[] {
  // "DNS:mill-7, URI:spiffe://plant/mill-7"; a value with a comma or quotes stands there as JSON.
  const entries = (subjectAltName ?? "").matchAll(/(?:^|, )(DNS|URI):("(?:[^"\\]|\\.)*"|[^,]*)/g);
  return [...entries].map(([, kind, written = ""]) => {
    const name: string = written.startsWith('"') ? JSON.parse(written) : written;
    return kind === "DNS" ? name.toLowerCase() : name;
  });
}
