// The valid keys in memory, at most half a second old: when a key ends, the streams that were
// opened with it end too.
import type { Client, QueryConfig } from "pg";
import { matchesDigest, parseKey } from "../../access/key.ts";
import type { Log } from "../../runtime/log.ts";
import { Failure } from "../domain/failure.ts";
import { type Database, keyringSession } from "../store/database.ts";
import {
  type StoredKey,
  toStoredKey,
  touchKeysStatement,
  type ValidKeyRow,
  validKeysStatement,
} from "../store/keys.ts";

export type Held = {
  readonly key: StoredKey;
  /** Aborted, with an UNAUTHENTICATED failure, when the key is revoked or expires. */
  readonly ended: AbortSignal;
};

export type Keyring = AsyncDisposable & {
  /** The key with this text, if it is valid; takes the same time if there is none. */
  find(text: string): Held | undefined;
};

export type KeyringOptions = {
  database: Pick<Database, "connect">;
  log: Log;
  /** Default 500 ms. */
  refreshMs?: number;
  /** Milliseconds since the epoch. Default Date.now. */
  nowMs?: () => number;
};

// A database that takes longer counts as unavailable: the next attempt uses a new connection.
const queryTimeoutMs = 3_000;
const touchEveryMs = 60_000;

/**
 * Loads the keys; fails if the database does. If the database is unavailable later, the keys that
 * were last read stay valid until they expire.
 */
export async function openKeyring(options: KeyringOptions): Promise<Keyring> {
  const { database, log, refreshMs = 500, nowMs = Date.now } = options;
  const held = new Map<
    string,
    Held & { controller: AbortController; used: boolean; touchedMs: number }
  >();
  let client: Client | undefined;

  const query = async <Row>(text: string, values: unknown[] = []): Promise<Row[]> => {
    client ??= await database.connect(keyringSession);
    try {
      const config: QueryConfig & { query_timeout: number } = {
        text,
        values,
        query_timeout: queryTimeoutMs,
      };
      return (await client.query(config)).rows as Row[];
    } catch (error) {
      const broken = client;
      client = undefined;
      void broken.end().catch(() => {});
      throw error;
    }
  };

  const end = (id: string) => {
    held
      .get(id)
      ?.controller.abort(
        new Failure(
          "UNAUTHENTICATED",
          "the key that opened this stream was revoked or has expired",
        ),
      );
    held.delete(id);
  };

  const refresh = async () => {
    const keys = (await query<ValidKeyRow>(validKeysStatement)).map(toStoredKey);
    const fresh = new Set(keys.map(({ id }) => id));
    for (const [id] of held) if (!fresh.has(id)) end(id);
    for (const key of keys) {
      const known = held.get(key.id);
      if (known && isSame(known.key, key)) continue;
      end(key.id);
      const controller = new AbortController();
      held.set(key.id, {
        key,
        ended: controller.signal,
        controller,
        used: false,
        touchedMs: Number.NEGATIVE_INFINITY,
      });
    }
  };

  const touch = async () => {
    const now = nowMs();
    const due = [...held].filter(([, one]) => one.used && now - one.touchedMs >= touchEveryMs);
    if (due.length === 0) return;
    await query(touchKeysStatement, [due.map(([id]) => id)]);
    for (const [, one] of due) Object.assign(one, { used: false, touchedMs: now });
  };

  await refresh();
  let asking: Promise<void> | undefined;
  let failing = false;
  const ask = async () => {
    try {
      await refresh();
      await touch();
      failing = false;
    } catch (error) {
      if (!failing)
        log.warn("could not reload the keys; those loaded last stay valid until they expire", {
          error,
        });
      failing = true;
    }
  };
  const timer = setInterval(() => {
    // Keys expire even while the database does not answer.
    for (const [id, { key }] of held)
      if (key.expiresMs !== undefined && key.expiresMs <= nowMs()) end(id);
    asking ??= ask().finally(() => {
      asking = undefined;
    });
  }, refreshMs);

  return {
    find(text) {
      const parsed = parseKey(text);
      const found = parsed && held.get(parsed.id);
      if (!matchesDigest(parsed?.secret ?? "", found?.key.digest) || found === undefined)
        return undefined;
      found.used = true;
      return found;
    },
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await asking;
      await client?.end().catch(() => {});
    },
  };
}

function isSame(a: StoredKey, b: StoredKey): boolean {
  const rights = ({ name, scopes, machines, producers, expiresMs }: StoredKey) =>
    JSON.stringify([name, scopes, machines, producers, expiresMs ?? null]);
  return a.digest.equals(b.digest) && rights(a) === rights(b);
}
