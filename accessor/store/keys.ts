// Keys in PostgreSQL: created, listed, revoked, and read by accessors. Only digests of secrets are
// stored.
import { z } from "zod";
import type { Principal, Scope } from "../../access/principal.ts";
import { accessorSessions, type Database, keyringSession } from "./database.ts";
import { toFailure } from "./errors.ts";
import { sql } from "./sql.ts";

export type StoredKey = Principal & {
  digest: Buffer;
  /** The owner of its producers; a key that replaced another has the same as that one. */
  identity: string;
};

export type KeyRecord = Principal & {
  createdMs: number;
  revokedMs: number | undefined;
  /** To the minute. */
  lastUsedMs: number | undefined;
  valid: boolean;
  identity: string;
};

const keyRow = z.object({
  id: z.string(),
  name: z.string(),
  scopes: z.array(z.string()),
  machines: z.array(z.string()),
  producers: z.array(z.string()),
  created_us: z.number(),
  expires_us: z.number().nullable(),
  revoked_us: z.number().nullable(),
  last_used_us: z.number().nullable(),
  valid: z.boolean(),
  identity: z.string(),
});

/** lifeMs: how long it is valid; undefined: until it is revoked. */
export async function insertKey(
  { slonik }: Database,
  key: Omit<StoredKey, "expiresMs"> & { lifeMs: number | undefined },
): Promise<void> {
  const { id, name, digest, scopes, machines, producers, identity, lifeMs } = key;
  await asked(
    slonik.query(sql.typeAlias("void")`
      insert into api_key (id, name, digest, scopes, machines, producers, identity, expires_at)
      values (${id}, ${name}, ${sql.binary(digest)}, ${sql.array(scopes, "text")}, ${sql.array(machines, "text")},
        ${sql.array(producers, "text")}, ${identity}, clock_timestamp() + ${lifeMs ?? null}::float8 * interval '1 millisecond')`),
  );
}

/** All keys that ever existed, oldest first. */
export async function listKeys({ slonik }: Database): Promise<KeyRecord[]> {
  const rows = await asked(
    slonik.any(sql.type(keyRow)`
      select id, name, scopes, machines, producers, to_us(created_at) as created_us, to_us(expires_at) as expires_us,
        to_us(revoked_at) as revoked_us, to_us(last_used_at) as last_used_us,
        revoked_at is null and coalesce(expires_at > clock_timestamp(), true) as valid,
        identity
      from api_key order by created_at, id`),
  );
  return rows.map((row) => ({
    id: row.id,
    name: row.name,
    scopes: row.scopes as Scope[],
    machines: row.machines,
    producers: row.producers,
    createdMs: row.created_us / 1000,
    expiresMs: toMs(row.expires_us),
    revokedMs: toMs(row.revoked_us),
    lastUsedMs: toMs(row.last_used_us),
    valid: row.valid,
    identity: row.identity,
  }));
}

const toMs = (us: number | null) => (us === null ? undefined : us / 1000);

/** Returns false if there is no such key, or it was revoked before. */
export async function revokeKey({ slonik }: Database, id: string): Promise<boolean> {
  const { rowCount } = await asked(
    slonik.query(sql.typeAlias("void")`
      update api_key set revoked_at = clock_timestamp() where id = ${id} and revoked_at is null`),
  );
  return rowCount === 1;
}

/** Makes a key end no later than overlapMs from now. */
export async function endKeyWithin(
  { slonik }: Database,
  id: string,
  overlapMs: number,
): Promise<void> {
  await asked(
    slonik.query(sql.typeAlias("void")`
      update api_key set expires_at = least(expires_at, clock_timestamp() + ${overlapMs}::float8 * interval '1 millisecond')
      where id = ${id}`),
  );
}

async function asked<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw toFailure(error);
  }
}

// The accessor reads these every half second, on a connection of its own: reads that fill the pool
// must not keep a revoked key alive.

/** Keys that are valid now. */
export const validKeysStatement = `
  select id, name, digest, scopes, machines, producers, identity, floor(to_us(expires_at) / 1000)::float8 as expires_ms
  from api_key where revoked_at is null and coalesce(expires_at > clock_timestamp(), true)`;

/** Records that the keys of a list were used; once a minute, however many accessors report it. */
export const touchKeysStatement = `
  update api_key set last_used_at = clock_timestamp()
  where id = any($1::text[]) and coalesce(last_used_at < clock_timestamp() - interval '59 seconds', true)`;

export type ValidKeyRow = Omit<StoredKey, "expiresMs"> & { expires_ms: number | null };

export const toStoredKey = ({ expires_ms, ...row }: ValidKeyRow): StoredKey => ({
  ...row,
  expiresMs: expires_ms ?? undefined,
});

/**
 * Whether the accessors that use this database now require keys; undefined while none is connected.
 * With several, one that requires them is enough.
 */
export async function accessorsAskForKeys({ slonik }: Database): Promise<boolean | undefined> {
  const rows = await asked(
    slonik.any(sql.type(z.object({ name: z.string() }))`
      select distinct application_name as name from pg_stat_activity
      where datname = current_database() and application_name = any(${sql.array([accessorSessions, keyringSession], "text")})`),
  );
  return rows.length === 0 ? undefined : rows.some(({ name }) => name === keyringSession);
}
