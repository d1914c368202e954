// The owner of a producer: one text for a key and all keys that it was rotated into, or for the
// subject of an issuer. Stored with producers.
import { createHash } from "node:crypto";

/** identity: that of the first key; the keys that it was rotated into have the same one. */
export const ownerOfKey = (identity: string): string => `key:${identity}`;

/**
 * An issuer's name of a subject may be long, or contain characters that PostgreSQL does not store:
 * then its digest is used instead.
 */
export function ownerOfSubject(subject: string): string {
  if (/^[\x21-\x7e]{1,200}$/.test(subject)) return `jwt:${subject}`;
  return `jwt-sha256:${createHash("sha256").update(subject).digest("hex")}`;
}
