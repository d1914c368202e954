// Converts errors from PostgreSQL to Failures: by SQLSTATE if there is one, to unavailable if the
// connection broke.
import {
  BackendTerminatedError,
  BackendTerminatedUnexpectedlyError,
  ConnectionError,
} from "slonik";
import { moved } from "../domain/epochs.ts";
import { Failure } from "../domain/failure.ts";

const retryAfterMs = 1_000;

/** Any error of a driver. A Failure passes through. */
export function toFailure(error: unknown): Failure {
  if (error instanceof Failure) return error;
  // Slonik wraps the error that a new connection was refused with.
  if (error instanceof Error && error.cause instanceof Failure) return error.cause;
  const code = sqlStateOf(error);
  if (code === undefined ? isConnectionLoss(error) : isPassing(code)) {
    return new Failure(
      "DATABASE_UNAVAILABLE",
      "the database does not answer right now; try again",
      {
        retryAfterMs,
        cause: error,
      },
    );
  }
  if (code === "MR001") {
    const { message, detail } = postgresError(error);
    return new Failure("DATABASE_UNSAFE", message, { metadata: { setting: detail ?? "" } });
  }
  // The ids and revisions in the statement belong to an epoch that has ended.
  if (code === "MR002") return moved(error);
  if (code === "MR003") {
    const message = "other accessors store the same records at this moment; try again";
    return new Failure("DATABASE_UNAVAILABLE", message, { retryAfterMs, cause: error });
  }
  if (code === "57014") {
    return new Failure("DEADLINE_EXCEEDED", "the database took too long; ask for less at once", {
      cause: error,
    });
  }
  return new Failure("INTERNAL", "a statement of ours failed", { cause: error });
}

/**
 * Whether the connection, not the statement, is at fault: the system reports this by code, the
 * drivers only by class or text.
 */
function isConnectionLoss(error: unknown): boolean {
  for (
    let at: unknown = error, depth = 0;
    at instanceof Error && depth < 5;
    at = at.cause, depth++
  ) {
    const { code } = at as { code?: unknown };
    if (typeof code === "string" && /^E[A-Z_]+$/.test(code)) return true;
    if (
      at instanceof ConnectionError ||
      at instanceof BackendTerminatedError ||
      at instanceof BackendTerminatedUnexpectedlyError
    )
      return true;
    if (
      /^Connection terminated|^Query read timeout|timeout exceeded when trying to connect|^Client has encountered a connection error/.test(
        at.message,
      )
    )
      return true;
  }
  return false;
}

/**
 * Whether PostgreSQL refused the data itself (not the statement, not the moment): some record in
 * the group is at fault.
 */
export function isDataRefusal(error: unknown): boolean {
  const code = sqlStateOf(error instanceof Failure ? error.cause : error);
  return code !== undefined && (code.startsWith("22") || code.startsWith("23"));
}

/** Whether a statement was refused because its caller's data is of another epoch. */
export function isOfAnotherEpoch(error: unknown): boolean {
  return sqlStateOf(error) === "MR002";
}

/** Whether records that may repeat others must be compared with newer commits first. */
export function isOfUnknownRepeats(error: unknown): boolean {
  return sqlStateOf(error instanceof Failure ? error.cause : error) === "MR003";
}

/**
 * Whether the connection of this error must not serve the next statement: its state is unknown, or
 * it is read-only (25006). A read-only connection may lead to the former primary of a failover, and
 * would stay there for ever.
 */
export function leavesUnusable(error: unknown): boolean {
  return /^(08|57P|25006)|^$/.test(sqlStateOf(error) ?? "");
}

/** An SQLSTATE has a digit; EPIPE, a code of the system, has none. */
export function sqlStateOf(error: unknown): string | undefined {
  return postgresError(error).code;
}

function postgresError(error: unknown): { code?: string; message: string; detail?: string } {
  // Slonik wraps pg's error.
  for (
    let at: unknown = error, depth = 0;
    at instanceof Error && depth < 5;
    at = at.cause, depth++
  ) {
    const { code } = at as { code?: unknown };
    if (typeof code === "string" && /^(?=.*\d)[0-9A-Z]{5}$/.test(code))
      return at as Error & { code: string; detail?: string };
  }
  return { message: "" };
}

// 08 connection, 53 resources (disk full, too many connections), 57P shutdown, 58 system, 25006
// read-only (a standby), 40 serialization, 55P03 lock timeout, 25P03 idle in transaction, XX
// internal: none of them concerns the data.
function isPassing(code: string): boolean {
  return (
    /^(08|53|57P|58|40|XX)/.test(code) ||
    ["25006", "55P03", "25P03", "3D000", "28000", "28P01"].includes(code)
  );
}
