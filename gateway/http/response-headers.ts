// Headers of every response of the gateway, so that browsers treat answers only as data.

/** A page that needs more (the reference) sets its own. */
export const securityHeaders = {
  "content-security-policy":
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  // Answers must not be embedded as an image or a script; a fetch by CORS is still possible.
  "cross-origin-resource-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin",
} as const;

/** A Vary header with these names added. */
export function addVary(present: unknown, names: string): string {
  return present ? `${present}, ${names}` : names;
}
