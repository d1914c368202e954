// A machine's tile: state, power now and of the last minute, energy today, and what is wrong.
import { MachineState } from "#gen/millrace/v1/signal_pb.ts";
import { Link } from "../address/link.tsx";
import { extentOf } from "../chart/spark-shape.ts";
import { Sparkline } from "../chart/sparkline.tsx";
import { fleetWords as words } from "../english/fleet.ts";
import type { MachineNow } from "../live/messages.ts";
import { isSilent } from "../live/silence.ts";
import { lookOfState } from "../look/state-look.ts";
import { StateMark } from "../parts/marks.tsx";
import { ageText, clockText, dateTimeText, kilowattHours, kilowatts } from "../time/format.ts";

export type TileProps = {
  machine: MachineNow;
  nowUs: number;
  zone: string;
  kwhToday: number | undefined;
  /** "": it has none. */
  displayName: string;
  href: string;
};

export function Tile({ machine, nowUs, zone, kwhToday, displayName, href }: TileProps) {
  const { name, state, stateSinceUs, powerW, power } = machine;
  const silent = isSilent(machine, nowUs);
  const look = silent ? "silent" : (lookOfState[state] ?? "unknown");
  const since = silent ? machine.lastRecordUs : stateSinceUs;
  return (
    <article class="tile" style={{ "--state": `var(--${look})` }}>
      <div class="tile-head">
        <h2>
          <Link href={href} title={displayName === "" ? name : `${displayName} (${name})`}>
            {displayName || name}
          </Link>
          {displayName !== "" && <small class="tile-name"> {name}</small>}
        </h2>
        <StateMark
          state={state}
          silent={silent}
          rest={since === undefined ? undefined : ageText(nowUs - since)}
        />
      </div>
      <p class="tile-power numbers">
        {silent || powerW === undefined ? "–" : kilowatts(powerW)} <small>kW</small>
        <span class="tile-age" title={words.ageTitle}>
          {words.age(ageText(Math.max(0, nowUs - machine.lastRecordUs)))}
        </span>
      </p>
      <Sparkline seconds={power} nowUs={nowUs} label={sparkLabel(machine)} />
      <p class="tile-foot numbers">
        <span>{kwhToday === undefined ? words.noKwh : `${kilowattHours(kwhToday)} kWh today`}</span>
        <Trouble machine={machine} silent={silent} nowUs={nowUs} zone={zone} />
      </p>
    </article>
  );
}

function sparkLabel({ name, power }: MachineNow): string {
  const extent = extentOf(power);
  return extent === undefined
    ? words.sparkEmpty(name)
    : words.spark(name, kilowatts(extent[0]), kilowatts(extent[1]));
}

/** The most important of: no data, the fault's error, the errors of the last hour. */
function Trouble({
  machine,
  silent,
  nowUs,
  zone,
}: {
  machine: MachineNow;
  silent: boolean;
  nowUs: number;
  zone: string;
}) {
  const { lastError, lastRecordUs, state, errorsLastHour } = machine;
  if (silent) {
    const isToday = nowUs - lastRecordUs < 12 * 3_600e6;
    const time = isToday ? clockText(lastRecordUs, zone) : dateTimeText(lastRecordUs, zone);
    return <span class="tile-trouble silent">{words.noDataSince(time)}</span>;
  }
  if (state === MachineState.FAULT && lastError !== undefined) {
    const text = `${lastError.code} ${lastError.message}`.trim();
    return (
      <span class="tile-trouble fault" title={text}>
        {text}
      </span>
    );
  }
  return <span class="tile-trouble">{words.errorsPerHour(errorsLastHour)}</span>;
}
