// Where a request carries its credential: Authorization (Bearer, Token, or the password of Basic),
// or x-api-key. Never its URL,
// which is logged and shared.

// Long enough for a token with many claims; all headers together are limited to 16 KiB.
const maxLength = 8_192;

/**
 * The credential of a request; undefined if it has none, "" (which is never valid) if its value
 * cannot be a credential.
 */
export function readCredential(header: (name: string) => string | undefined): string | undefined {
  const [authorization, apiKey] = [header("authorization"), header("x-api-key")];
  if (authorization === undefined) return apiKey === undefined ? undefined : bounded(apiKey.trim());
  const bearer =
    /^(?:Bearer|Token) +([^\s]+) *$/i.exec(authorization)?.[1] ?? passwordOf(authorization);
  // The two differ: the sender means only one of them, and we do not guess which.
  if (apiKey !== undefined && apiKey.trim() !== bearer) return "";
  return bounded(bearer);
}

/**
 * The password of Basic, whatever the user is: programs that write to InfluxDB put their token
 * there.
 */
function passwordOf(authorization: string): string {
  const encoded = /^Basic +([A-Za-z0-9+/]+=*) *$/i.exec(authorization)?.[1] ?? "";
  const text = Buffer.from(encoded, "base64").toString("utf8");
  return text.slice(text.indexOf(":") + 1);
}

// Commas are refused: two headers of one name arrive as one text with a comma.
const bounded = (text: string) =>
  text.length <= maxLength && /^[\x21-\x2b\x2d-\x7e]*$/.test(text) ? text : "";

/** Headers that forward a credential. */
export const bearer = (credential: string | undefined): Record<string, string> =>
  credential === undefined ? {} : { authorization: `Bearer ${credential}` };
