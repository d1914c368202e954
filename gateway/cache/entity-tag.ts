// Entity tags (RFC 9110, 8.8.3): "version.question.bytes-encoding". The first two parts identify
// the data that an answer depends on and the question: while both are the same, a stored answer is
// valid. The third identifies the bytes, so that the tag is a strong one.
import { createHash, type Hash } from "node:crypto";
import type { Turns } from "../../runtime/turns.ts";

export type EntityTag = {
  version: string;
  /** Digest of the question. */
  question: string;
  /** Digest of the bytes. */
  digest: string;
  encoding: string | undefined;
};

export function formatTag({ version, question, digest, encoding }: EntityTag): string {
  return `"${version}.${question}.${digest}-${encoding ?? "plain"}"`;
}

/**
 * The tag of If-None-Match that is still valid, as it was sent: one with this version and question,
 * plain or in this encoding, whatever its bytes. "*" is valid for every answer. Undefined if none
 * is.
 */
export function findGoodTag(
  header: string | undefined,
  current: Omit<EntityTag, "digest">,
): string | undefined {
  if (header === undefined) return undefined;
  if (header.trim() === "*") return "*";
  const start = `${current.version}.${current.question}.`;
  // A short answer is sent uncompressed to every client.
  const ends = ["-plain", `-${current.encoding}`];
  // A weak comparison (13.1.2): the opaque part counts.
  for (const [, opaque = ""] of header.matchAll(/(?:W\/)?"([\x21\x23-\x7e\x80-\xff]*)"/g)) {
    const end = ends.find((one) => opaque.endsWith(one));
    if (end === undefined || !opaque.startsWith(start)) continue;
    if (!opaque.slice(start.length, -end.length).includes(".")) return `"${opaque}"`;
  }
  return undefined;
}

/** The digest of content in pieces, the same as that of the whole. */
export async function digestInTurns(
  pieces: readonly Uint8Array[],
  turns: Pick<Turns, "pause">,
): Promise<string> {
  const hash = createHash("sha256").update(
    `${pieces.reduce((sum, { length }) => sum + length, 0)}:`,
  );
  for (const piece of pieces) {
    hash.update(piece);
    await turns.pause();
  }
  return shortened(hash);
}

/** Sixteen characters that identify the contents. */
export function digestOf(...contents: readonly (string | Uint8Array)[]): string {
  const hash = createHash("sha256");
  // Each is preceded by its length, so that no two lists give the same bytes.
  for (const content of contents) hash.update(`${content.length}:`).update(content);
  return shortened(hash);
}

const shortened = (hash: Hash) => hash.digest("base64url").slice(0, 16);
