// The caller and its permissions: the holder of a key or of a token, or everyone if authentication
// is off.
import { fitsAny } from "./glob.ts";

/**
 * read: the past. live: what is being stored. write: storing. admin: all of these, and anything
 * that will require it.
 */
export const scopes = ["read", "live", "write", "admin"] as const;
export type Scope = (typeof scopes)[number];

export type Principal = {
  /** Id of the key, or issuer and subject of a token. Not a secret. */
  readonly id: string;
  /** Its name for people. */
  readonly name: string;
  readonly scopes: readonly Scope[];
  /** Patterns of the machines it may read and write; none: no machine. */
  readonly machines: readonly string[];
  /** Patterns of the producer ids it may number batches under. */
  readonly producers: readonly string[];
  /** Milliseconds since the epoch; undefined: does not expire. */
  readonly expiresMs: number | undefined;
};

/** Any caller while authentication is off: may do everything. */
export const everyone: Principal = {
  id: "",
  name: "",
  scopes: ["admin"],
  machines: ["*"],
  producers: ["*"],
  expiresMs: undefined,
};

/**
 * Producer ids that the gateway assigns: random ones, and those of Idempotency-Keys. A key gets
 * these by default.
 */
export const gatewayProducers: readonly string[] = ["rest:*", "http:*"];

/** Whether an id is one that the gateway assigns. */
export const isGatewayProducer = (producerId: string): boolean =>
  fitsAny(gatewayProducers, producerId);

/** Tests whether a principal may see a machine; undefined: it may see all. */
export function allowedMachines({
  machines,
}: Principal): ((machine: string) => boolean) | undefined {
  return machines.includes("*") ? undefined : (machine) => fitsAny(machines, machine);
}

/**
 * Equal for principals that see the same machines: a key for caches of what a principal may see.
 * Empty: all.
 */
export function visibleMachinesKey({ machines }: Principal): string {
  return machines.includes("*") ? "" : JSON.stringify([...new Set(machines)].sort());
}

export const allowsMachine = ({ machines }: Principal, machine: string): boolean =>
  fitsAny(machines, machine);

/**
 * A name without a star covers the two lanes of its spool too: "mill-7" is "mill-7", "mill-7.live"
 * and "mill-7.backlog", and not "mill-70". Everyone may use the ids that the gateway assigns: they
 * are stored with their principal, so that the same id of two principals is two producers.
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
