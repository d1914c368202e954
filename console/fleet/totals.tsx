// The fleet's totals, and the filter by state: each count is a button.

import { MachineState } from "#gen/millrace/v1/signal_pb.ts";
import { fleetWords as words } from "../english/fleet.ts";
import { silentWord, stateWords } from "../english/frame.ts";
import { Shape } from "../parts/marks.tsx";
import { fixedNumber, kilowattHours, kilowatts } from "../time/format.ts";
import type { StateFilter, Totals } from "./attention.ts";

const filters: readonly (readonly [StateFilter, string])[] = [
  ["fault", stateWords[MachineState.FAULT]],
  ["silent", silentWord],
  ["active", stateWords[MachineState.ACTIVE]],
  ["idle", stateWords[MachineState.IDLE]],
  ["off", stateWords[MachineState.OFF]],
  ["unknown", stateWords[MachineState.UNSPECIFIED]],
];

export type TotalsBarProps = {
  totals: Totals;
  kwhToday: number | undefined;
  chosen: StateFilter | undefined;
  onChoose: (state: StateFilter | undefined) => void;
};

export function TotalsBar({ totals, kwhToday, chosen, onChoose }: TotalsBarProps) {
  return (
    <div class="totals">
      <fieldset>
        <legend class="hidden-text">{words.states}</legend>
        {filters.map(([state, word]) => {
          const count = totals.byState[state];
          // Rare ones only where there are some.
          if (count === 0 && state === "unknown" && chosen !== state) return null;
          return (
            <button
              type="button"
              key={state}
              class="total"
              aria-pressed={chosen === state}
              onClick={() => onChoose(chosen === state ? undefined : state)}
            >
              <b class="numbers">{count}</b>
              <Shape look={state} />
              {word.toLowerCase()}
            </button>
          );
        })}
      </fieldset>
      <p>
        <b class="numbers">{kilowatts(totals.powerW)}</b> {words.kwNow}
      </p>
      <p>
        <b class="numbers">{kwhToday === undefined ? "–" : kilowattHours(kwhToday)}</b>{" "}
        {words.kwhToday}
      </p>
      <p>
        <b class="numbers">{fixedNumber(totals.errorsLastHour, 0)}</b> {words.errorsHour}
      </p>
    </div>
  );
}
