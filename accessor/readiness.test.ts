// With an injected clock: how polls and writes affect the health of each service.
import { expect, test } from "vitest";
import { HealthState } from "../runtime/grpc/health.ts";
import { Failure } from "./domain/failure.ts";
import { Readiness } from "./readiness.ts";

function openReadiness() {
  const health = new HealthState(["Read", "Write"]);
  const clock = { ms: 0 };
  const readiness = new Readiness({
    health,
    ingest: "Write",
    monotonicMs: () => clock.ms,
    holdMs: 1_000,
  });
  const serving = () => health.names.filter((name) => health.serving(name));
  return { readiness, clock, serving };
}

const full = new Failure("DATABASE_UNAVAILABLE", "the disk is full");

test("nothing serves before PostgreSQL has answered, and nothing when it does not", () => {
  const { readiness, serving } = openReadiness();
  expect(serving()).toEqual([]);
  readiness.wrote();
  expect(serving()).toEqual([]);
  readiness.polled(true);
  expect(serving()).toEqual(["", "Read", "Write"]);
  readiness.polled(undefined);
  expect(serving()).toEqual([]);
});

test("where PostgreSQL only reads, all but ingest serves", () => {
  const { readiness, serving } = openReadiness();
  readiness.polled(false);
  expect(serving()).toEqual(["", "Read"]);
  readiness.polled(true);
  expect(serving()).toEqual(["", "Read", "Write"]);
});

test("a write that fails stops ingest until one succeeds, or none was tried for a while", () => {
  const { readiness, clock, serving } = openReadiness();
  readiness.polled(true);
  readiness.wrote(full);
  expect(serving()).toEqual(["", "Read"]);
  clock.ms += 999;
  readiness.polled(true);
  expect(serving()).toEqual(["", "Read"]);
  readiness.wrote();
  expect(serving()).toEqual(["", "Read", "Write"]);
  readiness.wrote(full);
  clock.ms += 1_000;
  expect(serving()).toEqual(["", "Read"]);
  readiness.polled(true);
  expect(serving()).toEqual(["", "Read", "Write"]);
});

test("a write that failed while PostgreSQL was away or only read says nothing once it is back", () => {
  const { readiness, serving } = openReadiness();
  for (const then of [undefined, false]) {
    readiness.polled(then);
    readiness.wrote(full);
    readiness.polled(true);
    expect(serving()).toEqual(["", "Read", "Write"]);
  }
});

test("what is wrong with a batch says nothing of the database", () => {
  const { readiness, serving } = openReadiness();
  readiness.polled(true);
  readiness.wrote(new Failure("INTERNAL", "refused"));
  expect(serving()).toEqual(["", "Read", "Write"]);
  readiness.wrote(full);
  readiness.wrote(new Failure("INTERNAL", "refused"));
  expect(serving()).toEqual(["", "Read"]);
});

test("nobody is told that writes are refused before that is known", () => {
  const { readiness } = openReadiness();
  expect(readiness.refusesWrites).toBe(false);
  readiness.polled(false);
  expect(readiness.refusesWrites).toBe(true);
  readiness.polled(true);
  expect(readiness.refusesWrites).toBe(false);
  readiness.wrote(full);
  expect(readiness.refusesWrites).toBe(true);
});
