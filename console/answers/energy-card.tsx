// Energy of the range, by state, with its coverage; mean and peak power.
import { answerWords as words } from "../english/answers.ts";
import { stateWords } from "../english/frame.ts";
import { Card, Figures } from "../parts/card.tsx";
import { dateTimeText, kilowattHours, kilowatts, percent } from "../time/format.ts";
import { zone } from "../time/zone.ts";
import type { SummaryFigures } from "./summary-figures.ts";

export type EnergyCardProps = {
  figures: SummaryFigures;
  onMoment?: ((timeUs: number) => void) | undefined;
};

export function EnergyCard({ figures: { energy, states }, onMoment }: EnergyCardProps) {
  if (typeof energy === "number")
    return (
      <Card title={words.energy}>
        <p class="soft">{words.absence[energy] ?? words.absence[0]}</p>
      </Card>
    );
  const { kwh, coverage, meanW, peakW, peakUs } = energy;
  if (coverage === 0)
    return (
      <Card title={words.energy}>
        <p class="soft">{words.notCovered}</p>
      </Card>
    );
  const power = (watts: number | undefined) =>
    watts === undefined ? "–" : `${kilowatts(watts)} kW`;
  return (
    <Card title={words.energy} how={words.energyHow}>
      <Figures
        of={[
          [words.inView, `${kilowattHours(kwh)} kWh`],
          ...states.map(
            ({ state, energyKwh, energyCoverage, timeUs }) =>
              [
                words.byState(stateWords[state] ?? ""),
                timeUs > 0 && energyCoverage === 0 ? "–" : `${kilowattHours(energyKwh)} kWh`,
              ] as const,
          ),
          [words.covered, percent(coverage)],
          [words.meanPower, power(meanW)],
          [words.peakPower, power(peakW)],
          [
            words.peakAt,
            peakUs === undefined ? (
              "–"
            ) : (
              <button
                key="peak"
                type="button"
                class="moment"
                title={words.showPeak}
                onClick={() => onMoment?.(peakUs)}
              >
                {dateTimeText(peakUs, zone.value, 2)}
              </button>
            ),
          ],
        ]}
      />
    </Card>
  );
}
