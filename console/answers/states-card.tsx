// Time in each state, as a bar that adds up to the range, and availability.
import { useId } from "preact/hooks";
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
        <StateBar states={states} />
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

/** A picture, not boxes: its parts change while live, and nothing of the page may move. */
function StateBar({ states }: Pick<SummaryFigures, "states">) {
  const hatch = useId();
  let from = 0;
  return (
    <svg class="state-bar" width="100%" height="14" aria-hidden="true">
      <defs>
        <pattern
          id={hatch}
          width="7"
          height="7"
          patternUnits="userSpaceOnUse"
          patternTransform="rotate(45)"
        >
          <rect width="7" height="7" fill="var(--fault)" />
          <rect width="2" height="7" fill="var(--fault-text)" />
        </pattern>
      </defs>
      {states.map(({ state, share }) => {
        const x = from;
        from += share;
        const look = lookOfState[state] ?? "unknown";
        return (
          share > 0 && (
            <rect
              key={state}
              x={`${x * 100}%`}
              width={`${share * 100}%`}
              height="14"
              fill={look === "fault" ? `url(#${hatch})` : `var(--${look})`}
              stroke="var(--surface)"
              stroke-width="1"
            >
              <title>{`${stateWords[state]} ${percent(share)}`}</title>
            </rect>
          )
        );
      })}
    </svg>
  );
}
