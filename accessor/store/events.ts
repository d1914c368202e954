// State changes and error reports: reads their plain tables in order of (time, revision, position)
// as of a revision.
import type { SerializableValue } from "slonik";
import { z } from "zod";
import { MachineState, Severity } from "#gen/millrace/v1/signal_pb.ts";
import type { Database } from "./database.ts";
import { sql } from "./sql.ts";

/** A position in the order of records. */
export type Place = { timeUs: number; revision: number; position: number };

const place = {
  time_us: z.number(),
  revision: z.number(),
  position: z.number(),
  machine: z.string(),
};
const stateRow = z.object({ ...place, state: z.enum(MachineState), reason: z.string() });
const errorRow = z.object({
  ...place,
  severity: z.enum(Severity),
  code: z.string(),
  message: z.string(),
});
const found = { found: z.number() };
const foundStateRow = stateRow.extend(found);
const foundErrorRow = errorRow.extend(found);
export type StateRow = z.infer<typeof stateRow>;
export type ErrorRow = z.infer<typeof errorRow>;

export type EventRange = {
  /** undefined: all machines. */
  machineIds: readonly number[] | undefined;
  fromUs: number;
  /** Exclusive. */
  toUs: number;
  /** Nothing committed later. */
  through: number;
  /** Only records after this place. */
  after: Place | undefined;
  limit: number;
  /** Bytes of all rows together: no more are read, but at least one row. */
  maxBytes: number;
  /** Bytes counted for a row besides its texts and the name of its machine. */
  rowBytes: number;
};

/** more: whether the range has further ones. */
export type EventPage<Row> = { rows: Row[]; more: boolean };

export const beforeAll: Place = { timeUs: Number.MIN_SAFE_INTEGER, revision: 0, position: 0 };

const inRange = ({
  machineIds,
  fromUs,
  toUs,
  through,
  after = beforeAll,
}: EventRange) => sql.fragment`
  time_us >= ${fromUs}::int8 and time_us < ${toUs}::int8 and revision <= ${through}::int8
  and (time_us, revision, position) > (${after.timeUs}::int8, ${after.revision}::int8, ${after.position}::int4)
  and ${machineIds === undefined ? sql.fragment`true` : sql.fragment`machine_id = any(${sql.array([...machineIds], "int4")})`}`;

/**
 * The rows of a select that fit, by a size that is known before PostgreSQL sends them; found: how
 * many there were up to the limit.
 */
const fitting = (
  select: ReturnType<typeof sql.fragment>,
  { limit, maxBytes }: EventRange,
) => sql.fragment`
  select * from (
    select *, count(*) over ()::int4 as found, sum(bytes) over (order by time_us, revision, position) - bytes as bytes_before
    from (${select} order by time_us, revision, position limit ${limit}::int4) page) sized
  where bytes_before = 0 or bytes_before + bytes <= ${maxBytes}::int8 order by time_us, revision, position`;

function toPage<Row extends { found: number }>(
  rows: readonly Row[],
  { limit }: EventRange,
): EventPage<Row> {
  const found = rows[0]?.found ?? 0;
  return { rows: [...rows], more: rows.length < found || found === limit };
}

/** States are numbers of millrace.v1.MachineState; none means all. */
export async function readStateChanges(
  database: Database,
  range: EventRange,
  states: readonly number[],
): Promise<EventPage<StateRow>> {
  const select = sql.fragment`
    select time_us, revision, position, machine.name as machine, state, reason,
      ${range.rowBytes}::int8 + octet_length(machine.name) + octet_length(reason) as bytes
    from state_change join machine on machine.id = machine_id
    where ${inRange(range)} and ${anyOf("state", states)}`;
  const rows = await database.ask((slonik) =>
    slonik.any(sql.type(foundStateRow)`${fitting(select, range)}`),
  );
  return toPage(rows, range);
}

export async function readErrorReports(
  database: Database,
  range: EventRange,
  { severities, codePrefix }: { severities: readonly number[]; codePrefix: string },
): Promise<EventPage<ErrorRow>> {
  const select = sql.fragment`
    select time_us, revision, position, machine.name as machine, severity, code, message,
      ${range.rowBytes}::int8 + octet_length(machine.name) + octet_length(code) + octet_length(message) as bytes
    from error_report join machine on machine.id = machine_id
    where ${inRange(range)} and ${anyOf("severity", severities)} and starts_with(code, ${codePrefix})`;
  const rows = await database.ask((slonik) =>
    slonik.any(sql.type(foundErrorRow)`${fitting(select, range)}`),
  );
  return toPage(rows, range);
}

const countRow = z.object({ severity: z.number(), code: z.string(), count: z.number() });

/** How many error reports of a machine are in a window, by severity and code. */
export async function countErrorReports(
  database: Database,
  {
    machineId,
    fromUs,
    toUs,
    through,
  }: { machineId: number; fromUs: number; toUs: number; through: number },
): Promise<readonly z.infer<typeof countRow>[]> {
  return database.ask((slonik) =>
    slonik.any(sql.type(countRow)`
      select severity, code, count(*)::int8 as count from error_report
      where machine_id = ${machineId}::int4 and time_us >= ${fromUs}::int8 and time_us < ${toUs}::int8 and revision <= ${through}::int8
      group by severity, code`),
  );
}

/** The newest of each machine as of a revision: the latest in time, then the last committed. */
export async function readLatestStates(
  database: Database,
  machineIds: readonly number[],
  through: number,
): Promise<readonly StateRow[]> {
  return database.ask((slonik) =>
    slonik.any(sql.type(stateRow)`
      select latest.* from unnest(${sql.array([...machineIds], "int4")}) as wanted(id), lateral (
        select time_us, revision, position, machine.name as machine, state, reason
        from state_change join machine on machine.id = machine_id
        where machine_id = wanted.id and revision <= ${through}::int8
        order by time_us desc, revision desc, position desc limit 1) latest`),
  );
}

export async function readLatestErrors(
  database: Database,
  machineIds: readonly number[],
  through: number,
): Promise<readonly ErrorRow[]> {
  return database.ask((slonik) =>
    slonik.any(sql.type(errorRow)`
      select latest.* from unnest(${sql.array([...machineIds], "int4")}) as wanted(id), lateral (
        select time_us, revision, position, machine.name as machine, severity, code, message
        from error_report join machine on machine.id = machine_id
        where machine_id = wanted.id and revision <= ${through}::int8
        order by time_us desc, revision desc, position desc limit 1) latest`),
  );
}

function anyOf(column: "state" | "severity", values: readonly number[]) {
  if (values.length === 0) return sql.fragment`true`;
  return sql.fragment`${sql.identifier([column])} = any(${sql.array(values as SerializableValue[] as number[], "int2")})`;
}
