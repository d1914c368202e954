// Where a request carries its credential: Authorization: Bearer …, or x-api-key. Never its URL,
// which is logged and shared.

// As long as a token with many claims gets; headers in all are held to 16 KiB.
const maxLength = 8_192;

/**
 * The credential of a request; undefined if it carries none, "" (which is never valid) if what it
 * carries cannot be one.
 */
export function readCredential(header: (name: string) => string | undefined): string | undefined {
  const [authorization, apiKey] = [header("authorization"), header("x-api-key")];
  if (authorization === undefined) return apiKey === undefined ? undefined : bounded(apiKey.trim());
  const bearer = /^Bearer +([^\s]+) *$/i.exec(authorization)?.[1] ?? "";
  // Two that differ: who sent them means only one, and guessing which is not ours.
  if (apiKey !== undefined && apiKey.trim() !== bearer) return "";
  return bounded(bearer);
}

// No commas: two headers of one name arrive as one text.
const bounded = (text: string) =>
  text.length <= maxLength && /^[\x21-\x2b\x2d-\x7e]*$/.test(text) ? text : "";

/** Headers that pass a credential on. */
export const bearer = (credential: string | undefined): Record<string, string> =>
  credential === undefined ? {} : { authorization: `Bearer ${credential}` };
