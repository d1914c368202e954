// Errors of the range: how many, how often, how severe, and which codes.
import { answerWords as words } from "../english/answers.ts";
import { Card, Figures } from "../parts/card.tsx";
import { SeverityMark } from "../parts/marks.tsx";
import { lengthText, trimNumber } from "../time/format.ts";
import type { ErrorFigures } from "./summary-figures.ts";

/** So many codes are listed here; the errors view has them all. */
const listed = 8;

export function ErrorsCard({ errors }: { errors: ErrorFigures }) {
  const { count, bySeverity, byCode, otherCodes, perActiveHour, meanBetweenUs } = errors;
  if (count === 0)
    return (
      <Card title={words.errors}>
        <p class="soft">{words.noErrors}</p>
      </Card>
    );
  const rest = byCode.slice(listed).reduce((sum, [, one]) => sum + one, otherCodes);
  const number = (value: number) => value.toLocaleString("en-GB");
  return (
    <Card title={words.errors} how={words.errorsHow}>
      <Figures
        of={[
          [words.count, number(count)],
          ...bySeverity.map(
            ([severity, one]) =>
              [<SeverityMark key={severity} severity={severity} />, number(one)] as const,
          ),
          [words.perHour, perActiveHour === undefined ? "–" : trimNumber(perActiveHour, 1)],
          [words.between, meanBetweenUs === undefined ? "–" : lengthText(meanBetweenUs)],
        ]}
      />
      <h3 class="answers-sub">{words.codes}</h3>
      <Figures
        of={[
          ...byCode.slice(0, listed).map(([code, one]) => [code, number(one)] as const),
          ...(rest > 0 ? [[words.otherCodes, number(rest)] as const] : []),
        ]}
      />
    </Card>
  );
}
