// Time in each state, as a bar that adds up to the range, and availability.
import { answerWords as words } from "../english/answers.ts";
import { stateWords } from "../english/frame.ts";
import { lookOfState } from "../look/state-look.ts";
import { Card, Figures } from "../parts/card.tsx";
import { StateMark } from "../parts/marks.tsx";
import { lengthText, percent } from "../time/format.ts";
import type { SummaryFigures } from "./summary-figures.ts";

export function StatesCard({ figures }: { figures: SummaryFigures }) {
  const { states, availability, transitions, silentUs, fromUs, toUs } = figures;
  const how = `${words.statesHow} ${words.availabilityHow} ${words.silentHow}`;
  return (
    <Card title={words.states} how={how}>
      {states.every(({ timeUs }) => timeUs === 0) ? (
        <p class="soft">{words.noStates}</p>
      ) : (
        <div class="state-bar" aria-hidden="true">
          {states.map(({ state, share }) =>
            share === 0 ? null : (
              <span
                key={state}
                class={`state-part ${lookOfState[state] ?? "unknown"}`}
                style={{ flexGrow: share }}
                title={`${stateWords[state]} ${percent(share)}`}
              />
            ),
          )}
        </div>
      )}
      <Figures
        of={[
          ...states.map(
            ({ state, timeUs, share }) =>
              [
                <StateMark key={state} state={state} />,
                <>
                  {lengthText(timeUs)} <span class="soft">{percent(share)}</span>
                </>,
              ] as const,
          ),
          [words.total, lengthText(Math.max(0, toUs - fromUs))],
          [words.availability, availability === undefined ? "–" : percent(availability)],
          [words.transitions, transitions.toLocaleString("en-GB")],
          // Always there, so that nothing moves when a silence begins.
          [words.silent, silentUs > 0 ? lengthText(silentUs) : "–"],
        ]}
      />
    </Card>
  );
}
