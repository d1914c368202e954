// Fills a history for which every RPC has responses as large as the contract permits. For tests
// only.
import { create } from "@bufbuild/protobuf";
import { expect } from "vitest";
import { ErrorReportSchema, MachineState } from "#gen/millrace/v1/signal_pb.ts";
import type { TestAccessor } from "./accessor.ts";
import { at, type BatchInit, epochUs, grid } from "./batches.ts";

/** A machine whose name is nearly as long as names may be. */
export const longMachine = (i: number, kind = "m") => `${kind}${"🏭".repeat(120)}${i}`;

const longest = "ü".repeat(1_024);

/**
 * Only the batches pass through the accessor: open another accessor to read the rows that are
 * inserted into the tables.
 */
export async function fillLargest(accessor: TestAccessor): Promise<void> {
  let sequence = 0n;
  const send = async (batch: BatchInit) => {
    sequence++;
    const { result } = await accessor.ingest.ingestBatch({ producerId: "p", sequence, batch });
    expect(result?.refusal).toBeUndefined();
  };
  // Long texts, many at one time; and one batch of the largest permitted size.
  for (const code of ["A", "B"]) {
    const report = create(ErrorReportSchema, {
      time: at(epochUs),
      severity: 2,
      code,
      message: longest,
    });
    const errorReports = Array.from({ length: 1_950 }, () => report);
    await send({ machine: longMachine(0), errorReports });
  }
  const message = "x".repeat(1_024);
  await send({
    machine: longMachine(0),
    errorReports: Array.from({ length: 4_000 }, (_, i) => ({
      time: at(epochUs + i),
      severity: 2,
      code: "E",
      message,
    })),
  });
  for (let i = 1; i <= 2; i++) {
    const states = [MachineState.ACTIVE, MachineState.IDLE];
    await send({
      machine: longMachine(i),
      stateChanges: Array.from({ length: 7_000 }, (_, j) => ({
        time: at(epochUs + j * 1e6),
        state: states[j % 2]!,
        reason: "ü".repeat(256),
      })),
    });
  }
  // Equal values, which pack to nothing; times far apart, which take the most bytes as columns.
  const zeros = Array.from({ length: 65_536 }, () => 0);
  for (let i = 0; i < 12; i++)
    await send({
      machine: "zeros",
      samples: [{ ...grid("power", epochUs + i * 655_360_000, zeros), unit: longest.slice(0, 32) }],
    });
  const far = Array.from({ length: 65_536 }, (_, i) => BigInt(i === 0 ? epochUs : 3_000_000 + i));
  for (let i = 0; i < 4; i++)
    await send({
      machine: "far",
      samples: [
        { signal: "power", times: { case: "deltas", value: { deltaUs: far } }, values: zeros },
      ],
    });
  // Many machines with long names, errors of many codes, signals with units of many kinds.
  await accessor.query(
    `with named as (insert into machine (name) select 'n' || repeat('🏭', 120) || g from generate_series(1, 13000) g returning id)
     insert into series (machine_id, signal, kind, unit, max_gap_us) select id, 'power', 3, 'W' || id, 1000000 from named`,
  );
  await accessor.query(
    `insert into series (machine_id, signal, kind, unit, max_gap_us)
     select (select id from machine where name = 'zeros'), repeat('s', 50) || g, 3, repeat('ü', 32), 1000000 from generate_series(1, 40000) g`,
  );
  await accessor.query(
    `insert into error_report (revision, time_us, machine_id, position, severity, code, message)
     select 1, ${epochUs} + c, id, c + id * 60, 2, repeat('ü', 60) || c, ''
     from (select id from machine where name like 'n%' order by name collate "C" limit 500) m, generate_series(1, 60) c`,
  );
  await accessor.query(
    `insert into series (machine_id, signal, kind, unit) select id, 'error', 2, '' from machine where name like 'n%' order by name collate "C" limit 500`,
  );
}
