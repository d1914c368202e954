// How many errors there were, by severity and by code; a code is also a filter.
import { setParameters } from "../address/address.ts";
import { errorsWords as words } from "../english/errors.ts";
import { frame } from "../english/frame.ts";
import { Card, Figures } from "../parts/card.tsx";
import { SeverityMark } from "../parts/marks.tsx";
import type { ErrorCounts } from "./counts.ts";
import { type ErrorFilter, severities } from "./error-filter.ts";

export type CountsCardProps = {
  counts: ErrorCounts | undefined;
  problem: string | undefined;
  filter: ErrorFilter;
};

const listed = 30;

export function CountsCard({ counts, problem, filter }: CountsCardProps) {
  if (counts === undefined)
    return (
      <Card title={words.byCode}>
        <p class="soft">{problem ?? frame.loading}</p>
      </Card>
    );
  const number = (value: number) => value.toLocaleString("en-GB");
  const rest = counts.byCode
    .slice(listed)
    .reduce((sum, [, count]) => sum + count, counts.otherCodes);
  return (
    <div class="errors-counts">
      <Card title={words.bySeverity}>
        <Figures
          of={severities.map(
            ([, severity]) =>
              [
                <SeverityMark key={severity} severity={severity} />,
                number(counts.bySeverity.get(severity) ?? 0),
              ] as const,
          )}
        />
      </Card>
      <Card title={words.byCode} how={words.countsHow}>
        <Figures
          of={[
            ...counts.byCode.slice(0, listed).map(
              ([code, count]) =>
                [
                  <button
                    key={code}
                    type="button"
                    class="code-filter"
                    aria-pressed={filter.code === code}
                    onClick={() =>
                      setParameters({
                        code: filter.code === code ? undefined : code,
                        code_prefix: undefined,
                      })
                    }
                  >
                    {code}
                  </button>,
                  number(count),
                ] as const,
            ),
            ...(rest > 0 ? [[words.otherCodes, number(rest)] as const] : []),
          ]}
        />
      </Card>
    </div>
  );
}
