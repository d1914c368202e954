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
import type { Demand, EnergyDay } from "./energy-days.ts";

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

const states = [MachineState.ACTIVE, MachineState.IDLE, MachineState.FAULT, MachineState.OFF];

export function DayTable({ label, days, timeZone, price, demands, nowUs }: DayTableProps) {
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
          {days.map((day) => {
            const demand = demands?.get(day.fromUs);
            return (
              <tr key={day.fromUs}>
                <th scope="row">
                  {dateText(day.fromUs, timeZone)}
                  {day.toUs > nowUs - 60e6 && <span class="soft"> {words.soFar}</span>}
                </th>
                <td>{day.kwh === undefined ? "–" : kilowattHours(day.kwh)}</td>
                {states.map((state) => (
                  <td key={state}>
                    {day.kwh === undefined ? "–" : kilowattHours(day.byState.get(state) ?? 0)}
                  </td>
                ))}
                {price && (
                  <td>
                    {day.kwh === undefined
                      ? "–"
                      : costText(day.byState.get(MachineState.IDLE) ?? 0, price)}
                  </td>
                )}
                {demands && (
                  <td>
                    {demand === undefined
                      ? "–"
                      : `${kilowatts(demand.watts)} kW · ${clockText(demand.atUs, timeZone).slice(0, 5)}`}
                  </td>
                )}
                <td>{percent(day.coverage)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </Wide>
  );
}
