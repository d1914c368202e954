// The days of a machine, or of all chosen ones, in numbers.
import { MachineState } from "#gen/millrace/v1/signal_pb.ts";
import { energyWords as words } from "../english/energy.ts";
import { stateWords } from "../english/frame.ts";
import { Wide } from "../parts/wide.tsx";
import {
  clockText,
  dateText,
  fixedNumber,
  kilowattHours,
  kilowatts,
  percent,
} from "../time/format.ts";
import { startOfDayUs } from "../time/zone.ts";
import { type Demand, type EnergyDay, statesOf, sumOf } from "./energy-days.ts";

export type DayTableProps = {
  label: string;
  days: readonly EnergyDay[];
  timeZone: string;
  price: Price | undefined;
  /** By the start of the day; undefined: not shown. */
  demands?: ReadonlyMap<number, Demand> | undefined;
  nowUs: number;
};

export type Price = { readonly perKwh: number; readonly currency: string };

export const costText = (kwh: number, { perKwh, currency }: Price): string =>
  `${fixedNumber(kwh * perKwh, 2)} ${currency}`;

export function DayTable({ label, days, timeZone, price, demands, nowUs }: DayTableProps) {
  const states = statesOf(days);
  const figures = (day: EnergyDay) => (
    <>
      <td>{kwhText(day.kwh)}</td>
      {states.map((state) => (
        <td key={state}>{partText(day, state)}</td>
      ))}
      {price && <td>{idleCostText(day, price)}</td>}
    </>
  );
  const sum = sumOf(days);
  return (
    <Wide label={label}>
      <table class="grid-table" aria-label={label}>
        <thead>
          <tr>
            <th scope="col">{words.day}</th>
            <th scope="col">{words.kwh}</th>
            {states.map((state) => (
              <th scope="col" key={state}>
                {stateWords[state]}
              </th>
            ))}
            {price && <th scope="col">{words.idleCost}</th>}
            {demands && <th scope="col">{words.quarter}</th>}
            <th scope="col">{words.covered}</th>
          </tr>
        </thead>
        <tbody>
          {days.map((day) => (
            <tr key={day.fromUs}>
              <th scope="row">
                {dateText(day.fromUs, timeZone)}
                {startOfDayUs(day.fromUs, timeZone, 1) > nowUs && (
                  <span class="soft"> {words.soFar}</span>
                )}
              </th>
              {figures(day)}
              {demands && <td>{demandText(demands.get(day.fromUs), timeZone)}</td>}
              <td>{percent(day.coverage)}</td>
            </tr>
          ))}
        </tbody>
        {sum !== undefined && days.length > 1 && (
          <tfoot>
            <tr>
              <th scope="row">{words.sum(days.length)}</th>
              {figures(sum)}
              {demands && <td />}
              <td>{percent(sum.coverage)}</td>
            </tr>
          </tfoot>
        )}
      </table>
    </Wide>
  );
}

const kwhText = (kwh: number | undefined) => (kwh === undefined ? "–" : kilowattHours(kwh));

/** Nothing where no time was spent in the state; unknown where samples cover none of that time. */
function partText(day: EnergyDay, state: MachineState): string {
  if (day.kwh === undefined) return "–";
  return day.byState.has(state) ? kwhText(day.byState.get(state)) : kilowattHours(0);
}

function idleCostText(day: EnergyDay, price: Price): string {
  if (day.kwh === undefined) return "–";
  const idle = day.byState.has(MachineState.IDLE) ? day.byState.get(MachineState.IDLE) : 0;
  return idle === undefined ? "–" : costText(idle, price);
}

const demandText = (demand: Demand | undefined, timeZone: string): string =>
  demand === undefined
    ? "–"
    : `${kilowatts(demand.watts)} kW · ${clockText(demand.atUs, timeZone).slice(0, 5)}`;
