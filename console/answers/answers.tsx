// The answers for the range in view, beside a chart: the same figures as REST gives for it.
import { computed, type ReadonlySignal } from "@preact/signals";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { toTimestamp } from "../../codec/timestamps.ts";
import { clients } from "../contract/clients.ts";
import { useAnswer } from "../contract/use-answer.ts";
import { answerWords as words } from "../english/answers.ts";
import { frame } from "../english/frame.ts";
import { serverNowUs } from "../live/live.ts";
import { Card } from "../parts/card.tsx";
import { Notice } from "../parts/notice.tsx";
import { ageText } from "../time/format.ts";
import { nowUs } from "../time/now.ts";
import { EnergyCard } from "./energy-card.tsx";
import { ErrorsCard } from "./errors-card.tsx";
import { StatesCard } from "./states-card.tsx";
import { figuresOf, type SummaryFigures } from "./summary-figures.ts";
import "./answers.css";

export type AnswersProps = {
  machine: string;
  /** The range in view; it may change many times a second. */
  view: ReadonlySignal<{ readonly fromUs: number; readonly toUs: number }>;
  /** The range ends now, and moves on. */
  live: boolean;
  /** Shows a moment in the chart. */
  onMoment?: (timeUs: number) => void;
};

/** A range that rests so long is asked for. */
const restMs = 250;
const liveEveryMs = 5_000;
/** Only an answer that is older than that is called old. */
const staleMs = 15_000;

export function Answers({ machine, view, live, onMoment }: AnswersProps) {
  const asked = useResting(view, live);
  const answer = useAnswer<Answered>(
    async (abort) => {
      const now = serverNowUs();
      const fromUs = live ? now - (asked.toUs - asked.fromUs) : asked.fromUs;
      const { machines } = await clients.value.signals.summarizeMachines(
        {
          machines: [machine],
          startTime: toTimestamp(Math.round(fromUs)),
          ...(live ? {} : { endTime: toTimestamp(Math.round(asked.toUs)) }),
        },
        { signal: abort },
      );
      return { asked, figures: machines[0] && figuresOf(machines[0]) };
    },
    [clients.value, machine, live, asked],
    live ? { everyMs: liveEveryMs } : {},
  );
  const { value, problem, atMs } = answer;
  if (value === undefined)
    return (
      <div class="answers">
        {problem !== undefined ? (
          <Notice>{problem}</Notice>
        ) : (
          <Card title={words.states}>
            <p class="soft">{frame.loading}</p>
          </Card>
        )}
      </div>
    );
  const { figures } = value;
  if (figures === undefined)
    return (
      <div class="answers">
        <Notice>{words.noSummary}</Notice>
      </div>
    );
  // Until the figures of another range are there, those of the earlier one stay, and look so.
  const isEarlier = value.asked !== asked;
  const ageMs = nowUs.value / 1_000 - (atMs ?? 0);
  return (
    <div class={isEarlier ? "answers earlier" : "answers"} aria-busy={isEarlier}>
      <p class="earlier-word" role="status">
        {isEarlier ? words.earlier : ""}
      </p>
      {problem !== undefined && ageMs > staleMs && (
        <p class="notice problem">
          {problem} {frame.stale(ageText(ageMs * 1_000))}
        </p>
      )}
      <StatesCard figures={figures} />
      <EnergyCard figures={figures} onMoment={onMoment} />
      <ErrorsCard errors={figures.errors} />
    </div>
  );
}

type Answered = {
  /** The range that was asked for. */
  readonly asked: Range;
  /** Undefined: there is no such machine, as far as the caller may see. */
  readonly figures: SummaryFigures | undefined;
};

type Range = { readonly fromUs: number; readonly toUs: number };

/** The view once it rests; of a live one only its span counts. */
function useResting(view: ReadonlySignal<Range>, live: boolean): Range {
  const [resting, setResting] = useState(view.peek());
  // All that counts of the view: the cards are not drawn again for every frame of a live one.
  const key = useMemo(
    () =>
      computed(() => {
        const { fromUs, toUs } = view.value;
        return live ? `live ${Math.round((toUs - fromUs) / 1_000)}` : `${fromUs} ${toUs}`;
      }),
    [view, live],
  ).value;
  const rested = useRef(key);
  useEffect(() => {
    if (rested.current === key) return;
    const timer = setTimeout(() => {
      rested.current = key;
      setResting(view.peek());
    }, restMs);
    return () => clearTimeout(timer);
  }, [key]);
  return resting;
}
