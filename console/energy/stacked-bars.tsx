// Bars of days, stacked by state. The table beside it says the same in numbers.
import { useId } from "preact/hooks";
import { MachineState } from "#gen/millrace/v1/signal_pb.ts";
import { energyWords as words } from "../english/energy.ts";
import { stateWords } from "../english/frame.ts";
import { lookOfState } from "../look/state-look.ts";
import { kilowattHours } from "../time/format.ts";
import { localTime } from "../time/zone.ts";
import type { EnergyDay } from "./energy-days.ts";

export type StackedBarsProps = {
  days: readonly EnergyDay[];
  timeZone: string;
  width: number;
  height: number;
  /** With labels of days and kWh. */
  labelled: boolean;
  label: string;
};

/** From below: what one pays for and needs, then what one could save. */
const order: readonly MachineState[] = [
  MachineState.ACTIVE,
  MachineState.IDLE,
  MachineState.FAULT,
  MachineState.OFF,
  MachineState.UNSPECIFIED,
];

export function StackedBars({ days, timeZone, width, height, labelled, label }: StackedBarsProps) {
  // Each picture has a pattern of its own: a name stands once in a page.
  const hatch = useId();
  const most = days.reduce((top, { kwh = 0 }) => Math.max(top, kwh), 0) || 1;
  const [above, below] = labelled ? [18, 20] : [1, 1];
  const room = height - above - below;
  const each = width / Math.max(1, days.length);
  const wide = Math.min(64, each * 0.72);
  return (
    <svg
      class="stacked-bars"
      viewBox={`0 0 ${width} ${height}`}
      width={width}
      height={height}
      role="img"
      aria-label={label}
    >
      <defs>
        <pattern
          id={hatch}
          width="6"
          height="6"
          patternUnits="userSpaceOnUse"
          patternTransform="rotate(45)"
        >
          <rect width="6" height="6" fill="var(--fault)" />
          <rect width="2" height="6" fill="#00000047" />
        </pattern>
      </defs>
      {days.map((day, at) => {
        const x = at * each + (each - wide) / 2;
        let y = height - below;
        const { month, day: date } = localTime(day.fromUs, timeZone);
        return (
          <g key={day.fromUs}>
            <title>{words.bar(`${month}/${date}`, kilowattHours(day.kwh ?? 0))}</title>
            {order.map((state) => {
              const part = ((day.byState.get(state) ?? 0) / most) * room;
              if (part <= 0) return null;
              y -= part;
              const look = lookOfState[state] ?? "unknown";
              return (
                <rect
                  key={state}
                  x={x}
                  y={y}
                  width={wide}
                  height={Math.max(0.6, part - 0.6)}
                  fill={look === "fault" ? `url(#${hatch})` : `var(--${look})`}
                >
                  <title>{stateWords[state]}</title>
                </rect>
              );
            })}
            {labelled && (
              <>
                <text x={x + wide / 2} y={y - 5} class="bar-value">
                  {day.kwh === undefined ? "–" : kilowattHours(day.kwh)}
                </text>
                <text x={x + wide / 2} y={height - 5} class="bar-day">
                  {`${String(month).padStart(2, "0")}-${String(date).padStart(2, "0")}`}
                </text>
              </>
            )}
          </g>
        );
      })}
    </svg>
  );
}
