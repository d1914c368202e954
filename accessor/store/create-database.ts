// Creates the database of an accessor that has none yet.
import { Client } from "pg";
import type { Log } from "../../runtime/log.ts";
import { toFailure } from "./errors.ts";

/** Creates the database that the URL names. Safe when several instances do it at once. */
export async function createIfMissing(url: string, log: Log): Promise<void> {
  const name = decodeURIComponent(new URL(url).pathname.slice(1));
  const probe = new Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  probe.on("error", () => {});
  try {
    await probe.connect();
    return;
  } catch (error) {
    if ((error as { code?: string }).code !== "3D000") throw toFailure(error);
  } finally {
    await probe.end().catch(() => {});
  }
  const maintenance = new URL(url);
  maintenance.pathname = "/postgres";
  const admin = new Client({ connectionString: maintenance.href, connectionTimeoutMillis: 5_000 });
  admin.on("error", () => {});
  try {
    await admin.connect();
    await admin.query(`create database ${admin.escapeIdentifier(name)}`);
    log.info("created the database", { database: name });
  } catch (error) {
    // Another instance was faster: 42P04 if it had finished, 23505 if both were creating it.
    if (!["42P04", "23505"].includes((error as { code?: string }).code ?? ""))
      throw toFailure(error);
  } finally {
    await admin.end().catch(() => {});
  }
}
