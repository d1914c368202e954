// Reads in which minutes machines showed signs of life, as of a watermark: for long spans, only the
// hours at which a long gap begins or ends.
import { hourUs, minuteUs } from "../history/buckets-of-time.ts";
import type { AliveHour } from "../history/silence.ts";
import { clamp, toArray } from "./binary-arrays.ts";
import type { Database } from "./database.ts";
import { assertKept, lowestKept } from "./watermark.ts";

export type AliveWindow = { machineId: number; fromUs: number; toUs: number; toleranceUs: number };

/**
 * hours: in the form of gapsOfHours(). dueUs: nothing is known before this time; undefined:
 * everything is known.
 */
export type Life = { hours: AliveHour[]; dueUs: number | undefined };

// Sets each bit and the ten after it: any minute still unset between the first and the last is a
// hole that even the least tolerance does not cover.
const smeared = [1, 2, 4, 3].reduce((bits, by) => `(${bits} | (${bits} << ${by}))`, "minutes");
const between = "((1::bigint << (last_minute + 1)) - 1) & ~((1::bigint << first_minute::int4) - 1)";

const columns = "hour_us, valid_from, minutes, first_minute, last_minute";

const statement = `
  select w.place::int8, ${lowestKept}, (select d.before_us from alive_due d where d.machine_id = w.machine_id),
    h.hour_us, h.low, h.high, h.before_us
  from unnest($1::int4[], $2::int8[], $3::int8[], $4::int8[]) with ordinality as w(machine_id, from_us, to_us, tolerance_us, place)
  left join lateral (
    select hour_us, (minutes & 1073741823)::int4 as low, (minutes >> 30)::int4 as high, before_us
    from (
      select *, lag(hour_us + last_minute * ${minuteUs}::int8) over o as before_us, lead(hour_us) over o as next_us
      from (
        (select ${columns} from alive_hour a
         where a.machine_id = w.machine_id and a.hour_us < w.from_us and a.valid_from <= $5::int8
         order by a.hour_us desc, a.valid_from desc limit 1)
        union all
        (select distinct on (hour_us) ${columns} from alive_hour a
         where a.machine_id = w.machine_id and a.hour_us >= w.from_us and a.hour_us < w.to_us and a.valid_from <= $5::int8
         order by a.hour_us desc, a.valid_from desc)) versions
      window o as (order by hour_us)) hours
    where before_us is null or next_us is null
      or hour_us + first_minute * ${minuteUs}::int8 - before_us > w.tolerance_us + ${minuteUs}
      or (w.tolerance_us < ${hourUs} and ((${between}) & ~${smeared}) <> 0)
    offset 0) h on true
  order by w.place, h.hour_us`;

type Row = [
  place: number,
  lowest: number,
  dueUs: number | null,
  hourUs: number | null,
  low: number,
  high: number,
  beforeUs: number | null,
];

/** In the order of the windows; one statement. */
export async function readLife(
  database: Database,
  windows: readonly AliveWindow[],
  { watermark, abort }: { watermark: number; abort: AbortSignal },
): Promise<Life[]> {
  const rows = (await database.read(
    statement,
    [
      toArray.int4(windows.map(({ machineId }) => machineId)),
      toArray.int8(windows.map(({ fromUs }) => clamp(Math.floor(fromUs / hourUs) * hourUs))),
      toArray.int8(windows.map(({ toUs }) => clamp(toUs))),
      toArray.int8(windows.map(({ toleranceUs }) => toleranceUs)),
      watermark,
    ],
    { name: "alive_hours", abort },
  )) as Row[];
  const found: Life[] = windows.map(() => ({ hours: [], dueUs: undefined }));
  for (const [place, lowest, dueUs, at, low, high, beforeUs] of rows) {
    assertKept(watermark, lowest);
    const life = found[place - 1]!;
    life.dueUs = dueUs ?? undefined;
    if (at !== null) life.hours.push({ hourUs: at, low, high, beforeUs: beforeUs ?? undefined });
  }
  return found;
}
