// Whose a producer is: the one text for a key, all keys that it was rotated into, or the subject of
// an issuer. Stored with producers.
import { createHash } from "node:crypto";

/** identity: of the first key; those that it was rotated into have the same. */
export const ownerOfKey = (identity: string): string => `key:${identity}`;

/**
 * What an issuer calls a subject may be long, or hold what PostgreSQL does not store: then its
 * digest stands for it.
 */
export function ownerOfSubject(subject: string): string {
  if (/^[\x21-\x7e]{1,200}$/.test(subject)) return `jwt:${subject}`;
  return `jwt-sha256:${createHash("sha256").update(subject).digest("hex")}`;
}
