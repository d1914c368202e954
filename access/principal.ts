// Who calls, and what that one may do: the holder of a key or of a token, or everyone where
// authentication is off.
import { fitsAny } from "./glob.ts";

/**
 * read: what was. live: what is being stored. write: storing. admin: all of these, and whatever
 * will need it.
 */
export const scopes = ["read", "live", "write", "admin"] as const;
export type Scope = (typeof scopes)[number];

export type Principal = {
  /** Of the key, or issuer and subject of a token. No secret. */
  readonly id: string;
  /** What people call it. */
  readonly name: string;
  readonly scopes: readonly Scope[];
  /** Patterns of the machines it may read and write; none: no machine. */
  readonly machines: readonly string[];
  /** Patterns of the producer ids it may number batches under. */
  readonly producers: readonly string[];
  /** Milliseconds since the epoch; undefined: does not expire. */
  readonly expiresMs: number | undefined;
};

/** Whoever calls while authentication is off: may do everything. */
export const everyone: Principal = {
  id: "",
  name: "",
  scopes: ["admin"],
  machines: ["*"],
  producers: ["*"],
  expiresMs: undefined,
};

/**
 * Producers of the gateway's own naming: random ones, and those of Idempotency-Keys. What a key is
 * written down with if nothing else is said.
 */
export const gatewayProducers: readonly string[] = ["rest:*", "http:*"];

/** Whether an id is one of those. */
export const isGatewayProducer = (producerId: string): boolean =>
  fitsAny(gatewayProducers, producerId);

/** Tells the machines that a principal may see; undefined: all. */
export function allowedMachines({
  machines,
}: Principal): ((machine: string) => boolean) | undefined {
  return machines.includes("*") ? undefined : (machine) => fitsAny(machines, machine);
}

/**
 * Equal for principals that see the same machines: for what is kept by what one may see. Empty:
 * all.
 */
export function visibleMachinesKey({ machines }: Principal): string {
  return machines.includes("*") ? "" : JSON.stringify([...new Set(machines)].sort());
}

export const allowsMachine = ({ machines }: Principal, machine: string): boolean =>
  fitsAny(machines, machine);

/**
 * A name without a star covers the two lanes of its spool too: "mill-7" is "mill-7", "mill-7.live"
 * and "mill-7.backlog", and not "mill-70". Ids of the gateway's are everyone's: they are stored
 * with whose they are, so that the same one of two principals is two producers.
 */
export const allowsProducer = ({ producers }: Principal, producerId: string): boolean => {
  const [, spool] = /^(.+)\.(?:live|backlog)$/.exec(producerId) ?? [];
  return (
    fitsAny(producers, producerId) ||
    (spool !== undefined && producers.includes(spool)) ||
    isGatewayProducer(producerId)
  );
};

export const hasScope = ({ scopes: held }: Principal, scope: Scope): boolean =>
  held.includes(scope) || held.includes("admin");
