// Rules of single requests: those that the contract declares, its rules on names and times, and the
// range that a request means.
import { create, type DescMessage, type Message } from "@bufbuild/protobuf";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { createValidator } from "@bufbuild/protovalidate";
import { machineNameFault, readMachineName } from "../../codec/machine-name.ts";
import { Failure } from "../domain/failure.ts";
import { signalPattern } from "../ingest/name-patterns.ts";

const validator = createValidator();

// Errors are sent in trailers, of which clients accept 8 KiB.
const maxViolations = 10;

/**
 * Compiles the rules of a message in advance: otherwise the first check took 60 ms or more, during
 * which no other call was served.
 */
export function learnRules(desc: DescMessage): void {
  validator.validate(desc, create(desc));
}

/** Fails with REQUEST_INVALID, naming each field that breaks a rule. */
export function checkRules(desc: DescMessage, message: Message): void {
  const { kind, violations, error } = validator.validate(desc, message);
  if (kind === "valid") return;
  if (kind === "error") throw error;
  const fields = violations.map(({ field, message: description }) => ({
    field: field
      .map((part) =>
        "name" in part ? part.name : part.kind === "list_sub" ? `[${part.index}]` : "",
      )
      .join("."),
    description,
  }));
  const faults = fields
    .slice(0, maxViolations)
    .map(({ field, description }) => `${field} ${description}`)
    .join("; ");
  throw new Failure("REQUEST_INVALID", faults, {
    violations: fields.slice(0, maxViolations),
    metadata: { field: fields[0]?.field ?? "" },
  });
}

/** REQUEST_INVALID for one field, which may be given as a path. */
export function invalid(field: string, description: string): Failure {
  const message = `${field.split(".").at(-1)} ${description}`;
  return new Failure("REQUEST_INVALID", message, {
    violations: [{ field, description }],
    metadata: { field },
  });
}

/**
 * Fails with MACHINE_NAME_INVALID. Replaces each name by its one form, in place, before the request
 * is hashed, compared or looked up.
 */
export function checkMachines(machines: string[]): void {
  for (const [i, machine] of machines.entries()) {
    const name = readMachineName(machine);
    if (name === undefined) {
      throw new Failure("MACHINE_NAME_INVALID", machineNameFault(machine), {
        metadata: { machine: machine.slice(0, 200).toWellFormed() },
      });
    }
    machines[i] = name;
  }
}

export function checkSignals(signals: readonly string[]): void {
  for (const signal of signals) {
    if (signalPattern.test(signal)) continue;
    throw new Failure(
      "SIGNAL_NAME_INVALID",
      `signal ${JSON.stringify(signal.slice(0, 80))} does not fit [a-z][a-z0-9_]{0,62}`,
      {
        metadata: { signal: signal.slice(0, 200) },
      },
    );
  }
}

/** A half-open range in microseconds. Open ends are infinite. */
export type TimeRange = { fromUs: number; toUs: number };

// Years 1 to 9999, the range of google.protobuf.Timestamp.
const minSeconds = -62_135_596_800n;
const maxSeconds = 253_402_300_799n;

/**
 * Fails with TIME_RANGE_INVALID. A start or an end between two microseconds is rounded up to the
 * later one. The names are those of the request's fields.
 */
export function toTimeRange(
  startTime: Timestamp | undefined,
  endTime: Timestamp | undefined,
  names = { start: "start_time", end: "end_time" },
): TimeRange {
  const fromUs =
    startTime === undefined ? Number.NEGATIVE_INFINITY : toTimeUs(names.start, startTime);
  const endUs = endTime === undefined ? Number.POSITIVE_INFINITY : toTimeUs(names.end, endTime);
  if (fromUs >= endUs) {
    const [from, to] = [describe(fromUs), describe(endUs)];
    throw new Failure(
      "TIME_RANGE_INVALID",
      `${names.start} ${from} is not before ${names.end} ${to}`,
      {
        metadata: { [names.start]: from, [names.end]: to },
      },
    );
  }
  // Beyond 2^53 µs (years 1684 and 2255) numbers are not exact and no records are stored: such a
  // range becomes an empty one at the edge.
  const start =
    fromUs === Number.NEGATIVE_INFINITY
      ? fromUs
      : Math.max(-maxTimeUs, Math.min(fromUs, maxTimeUs - 1));
  return { fromUs: start, toUs: Math.max(1 - maxTimeUs, Math.min(endUs, maxTimeUs)) };
}

const maxTimeUs = Number.MAX_SAFE_INTEGER;

/**
 * Microseconds; a time between two is rounded up to the later one. Fails with TIME_RANGE_INVALID.
 */
export function toTimeUs(field: string, { seconds, nanos }: Timestamp): number {
  if (seconds < minSeconds || seconds > maxSeconds || nanos < 0 || nanos > 999_999_999) {
    throw new Failure("TIME_RANGE_INVALID", `${field} is outside years 1 to 9999`, {
      metadata: { field },
    });
  }
  return Number(seconds) * 1e6 + Math.ceil(nanos / 1000);
}

function describe(timeUs: number): string {
  return Number.isFinite(timeUs) ? new Date(timeUs / 1000).toISOString() : "";
}
