// What stands on everything that the gateway serves, so that no browser makes more of an answer
// than data.

/** A page that has more to it (the reference) says so itself. */
export const securityHeaders = {
  "content-security-policy":
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  // Not to be embedded as an image or a script; a fetch by CORS is another matter.
  "cross-origin-resource-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin",
} as const;

/** A Vary header that names these as well. */
export function addVary(present: unknown, names: string): string {
  return present ? `${present}, ${names}` : names;
}
