// Keys: mr_<id>_<secret>. The id is to be spoken of; the secret has 256 random bits, so that its
// plain SHA-256 is safe to store.
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

const idLength = 12;
const shape = /^mr_([0-9a-f]{12})_([A-Za-z0-9_-]{43})$/;

export type NewKey = {
  id: string;
  /** To be shown once and never kept. */
  text: string;
  /** To be kept. */
  digest: Buffer;
};

export function createKey(): NewKey {
  const id = randomBytes(idLength / 2).toString("hex");
  const secret = randomBytes(32).toString("base64url");
  return { id, text: `mr_${id}_${secret}`, digest: digestOf(secret) };
}

/** undefined: not the text of a key. */
export function parseKey(text: string): { id: string; secret: string } | undefined {
  const found = shape.exec(text);
  return found ? { id: found[1]!, secret: found[2]! } : undefined;
}

/** SHA-256, 32 bytes. */
export const digestOf = (secret: string): Buffer => createHash("sha256").update(secret).digest();

const nobodys = randomBytes(32);

/**
 * Compares in constant time. For an unknown id, pass undefined: it takes the same time and returns
 * false.
 */
export function matchesDigest(secret: string, digest: Uint8Array | undefined): boolean {
  const equal = timingSafeEqual(digestOf(secret), digest ?? nobodys);
  return equal && digest !== undefined;
}
