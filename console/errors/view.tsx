// All errors of a range: a live table, newest first, with filters and counts.
import { useRef, useState } from "preact/hooks";
import { parameter, query } from "../address/address.ts";
import { range, rangeText, resolveRange } from "../address/range.ts";
import { clients } from "../contract/clients.ts";
import { restPath } from "../contract/rest.ts";
import { useAnswer } from "../contract/use-answer.ts";
import { errorsWords as words } from "../english/errors.ts";
import { rangeWords } from "../english/frame.ts";
import { ExportMenu } from "../exports/export-menu.tsx";
import { connection, serverNowUs } from "../live/live.ts";
import { Problem } from "../parts/notice.tsx";
import { RangePicker } from "../parts/range-picker.tsx";
import { nowUs } from "../time/now.ts";
import { countErrors } from "./counts.ts";
import { CountsCard } from "./counts-card.tsx";
import { isFiltered, matchesText, readFilter, severities } from "./error-filter.ts";
import { rowsSince } from "./error-rows.ts";
import { ErrorTable } from "./error-table.tsx";
import { FilterBar } from "./filter-bar.tsx";
import { useErrors } from "./use-errors.ts";
import "./errors.css";

/** Errors are rare: this view begins with a day. */
const defaultFrom = "-24h";
const countEveryMs = 10_000;

export default function ErrorsView() {
  const from = parameter("from") ?? defaultFrom;
  const { to } = range.value;
  const filter = readFilter(query.value);
  // Resolved once for each text: a live range is continued by the feed.
  const resolved = useRef<{ text: string; range: ReturnType<typeof resolveRange> }>(undefined);
  const text = `${from} ${to}`;
  if (resolved.current?.text !== text)
    resolved.current = { text, range: resolveRange({ from, to }, serverNowUs()) };
  const shown = resolved.current.range;
  return (
    <>
      <div class="errors-head">
        <h1>{words.title}</h1>
        <RangePicker defaultFrom={defaultFrom} />
        {shown !== undefined && (
          <ExportMenu
            fileName={words.title}
            note={filter.text + filter.code === "" ? undefined : words.exportNote}
            items={() => [
              {
                what: words.title,
                rows: true,
                path: restPath("/signals/error", {
                  machine: filter.machines,
                  severity: severities
                    .filter(([, one]) => filter.severities.includes(one))
                    .map(([one]) => one),
                  code_prefix: filter.code || filter.codePrefix || undefined,
                  from: shown.live ? from : rangeText(shown.fromUs),
                  to: shown.live ? undefined : rangeText(shown.toUs),
                }),
              },
            ]}
          />
        )}
      </div>
      <FilterBar filter={filter} />
      {shown === undefined ? <Problem text={rangeWords.invalid} /> : <Body {...shown} />}
    </>
  );
}

function Body({ fromUs, toUs, live }: { fromUs: number; toUs: number; live: boolean }) {
  const filter = readFilter(query.value);
  const [atTop, setAtTop] = useState(true);
  const errors = useErrors({ filter, fromUs, toUs, live, atTop });
  const of = clients.value.signals;
  const machines = filter.machines.join("\0");
  const counts = useAnswer(
    (abort) =>
      countErrors(of, {
        machines: filter.machines,
        fromUs: live ? serverNowUs() - (toUs - fromUs) : fromUs,
        toUs: live ? undefined : toUs,
        abort,
      }),
    [of, machines, fromUs, toUs, live],
    live ? { everyMs: countEveryMs } : {},
  );
  // A live range moves on: what has left it leaves the table, as it leaves the counts.
  const startUs = live
    ? nowUs.value + connection.value.clockOffsetMs * 1_000 - (toUs - fromUs)
    : fromUs;
  const inRange = rowsSince(errors.rows, startUs);
  const rows = filter.text === "" ? inRange : inRange.filter((row) => matchesText(row, filter));
  return (
    <div class="errors-columns">
      <ErrorTable
        errors={errors}
        rows={rows}
        none={isFiltered(filter) ? words.noneMatches : words.none}
        onTop={setAtTop}
      />
      <CountsCard counts={counts.value} problem={counts.problem} filter={filter} />
    </div>
  );
}
