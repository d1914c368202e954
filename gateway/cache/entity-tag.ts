// Entity tags (RFC 9110, 8.8.3): "version.question.bytes-encoding". The first two parts name the
// data that an answer depends on and what was asked: while both are the same, a stored answer is
// valid. The third differs with the bytes, so that the tag is a strong one.
import { createHash, type Hash } from "node:crypto";
import type { Turns } from "../../runtime/turns.ts";

export type EntityTag = {
  version: string;
  /** Of the question. */
  question: string;
  /** Of the bytes. */
  digest: string;
  encoding: string | undefined;
};

export function formatTag({ version, question, digest, encoding }: EntityTag): string {
  return `"${version}.${question}.${digest}-${encoding ?? "plain"}"`;
}

/**
 * The tag of If-None-Match that is still good, as it was sent: of this version and question, plain
 * or in this encoding, whatever its bytes. "*" is good for every answer. Undefined if none is.
 */
export function findGoodTag(
  header: string | undefined,
  current: Omit<EntityTag, "digest">,
): string | undefined {
  if (header === undefined) return undefined;
  if (header.trim() === "*") return "*";
  const start = `${current.version}.${current.question}.`;
  // What is short goes out plain to everyone.
  const ends = ["-plain", `-${current.encoding}`];
  // A weak comparison (13.1.2): the opaque part counts.
  for (const [, opaque = ""] of header.matchAll(/(?:W\/)?"([\x21\x23-\x7e\x80-\xff]*)"/g)) {
    const end = ends.find((one) => opaque.endsWith(one));
    if (end === undefined || !opaque.startsWith(start)) continue;
    if (!opaque.slice(start.length, -end.length).includes(".")) return `"${opaque}"`;
  }
  return undefined;
}

/** That of the pieces of one content, the same as of the whole. */
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

/** Sixteen characters that tell contents apart. */
export function digestOf(...contents: readonly (string | Uint8Array)[]): string {
  const hash = createHash("sha256");
  // With its length before each, so that no two lists come to the same bytes.
  for (const content of contents) hash.update(`${content.length}:`).update(content);
  return shortened(hash);
}

const shortened = (hash: Hash) => hash.digest("base64url").slice(0, 16);
