// Who the page is: the API key of this tab, kept for its session only, and what the gateway says of
// it. The key is never part of an address.
import { signal } from "@preact/signals";
import type { Principal } from "#gen/millrace/v1/access_pb.ts";

const storageName = "millrace-key";
const storage = typeof sessionStorage === "undefined" ? undefined : sessionStorage;

/** Undefined: none was given. */
export const key = signal<string | undefined>(storage?.getItem(storageName) ?? undefined);

/**
 * unknown: not asked yet. open: authentication is off. needed: a key must be given. refused: the
 * key is not valid. known: the key's owner.
 */
export type Session =
  | { kind: "unknown" | "open" | "needed" | "refused" }
  | { kind: "known"; principal: Principal };

export const session = signal<Session>({ kind: "unknown" });

export function signIn(text: string): void {
  storage?.setItem(storageName, text);
  key.value = text;
}

export function signOut(): void {
  storage?.removeItem(storageName);
  key.value = undefined;
  session.value = { kind: "needed" };
}
