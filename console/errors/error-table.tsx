// The table of errors: only the rows in view exist. Each leads to its moment in the machine's chart.
import { useEffect, useRef } from "preact/hooks";
import { parameter } from "../address/address.ts";
import { Link } from "../address/link.tsx";
import { rangeText } from "../address/range.ts";
import { errorsWords as words } from "../english/errors.ts";
import type { ErrorRecord } from "../live/messages.ts";
import { SeverityMark } from "../parts/marks.tsx";
import { VirtualRows } from "../parts/virtual-rows.tsx";
import { dateTimeText } from "../time/format.ts";
import { offsetText, zone } from "../time/zone.ts";
import { maxRows } from "./error-rows.ts";
import type { Errors } from "./use-errors.ts";

export type ErrorTableProps = {
  errors: Errors;
  /** Those of its rows that match the text. */
  rows: readonly ErrorRecord[];
  /** What is said where there are none. */
  none: string;
  /** Called when the reader comes to the top or leaves it. */
  onTop: (isTop: boolean) => void;
};

const rowPx = 34;
/** So near the end, older errors are read. */
const nearPx = 1_200;

export function ErrorTable({ errors, rows, none, onTop }: ErrorTableProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const { fresh, loading, problem, isWhole, isFull, readOlder, showFresh } = errors;
  const onScroll = () => {
    const { scrollTop, scrollHeight, clientHeight } = scroller.current!;
    onTop(scrollTop < rowPx);
    if (scrollHeight - scrollTop - clientHeight < nearPx) readOlder();
  };
  // Where few match, the rows that were read do not fill the table: go on, until it is full.
  useEffect(() => {
    const { scrollTop, scrollHeight, clientHeight } = scroller.current!;
    if (!loading && problem === undefined && scrollHeight - scrollTop - clientHeight < nearPx)
      readOlder();
  }, [loading, problem, rows.length]);
  const toTop = () => {
    showFresh();
    scroller.current!.scrollTo({ top: 0 });
    onTop(true);
  };
  return (
    <section class="card errors-card" aria-label={words.table}>
      <div class="errors-status" role="status">
        <span class="soft numbers">{words.shown(rows.length)}</span>
        {problem !== undefined && <span class="errors-problem">{problem}</span>}
        {fresh.length > 0 && (
          <button type="button" class="button primary" onClick={toTop}>
            {words.fresh(fresh.length)}
          </button>
        )}
      </div>
      <div
        ref={scroller}
        class="errors-scroll"
        onScroll={onScroll}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys.
        tabIndex={0}
      >
        <table class="errors-table" aria-label={words.table} aria-rowcount={rows.length + 1}>
          <thead>
            <tr class="error-header">
              <th scope="col">
                {words.time} ({offsetText(Date.now() * 1000, zone.value)})
              </th>
              <th scope="col">{words.machine}</th>
              <th scope="col">{words.severity}</th>
              <th scope="col">{words.codeColumn}</th>
              <th scope="col">{words.message}</th>
            </tr>
          </thead>
          <VirtualRows scroller={scroller} count={rows.length} rowPx={rowPx}>
            {(index) => <Cells row={rows[index]!} />}
          </VirtualRows>
        </table>
        <p class="errors-end soft">
          {loading
            ? words.more
            : rows.length === 0 && isWhole
              ? none
              : isFull
                ? words.bound(maxRows)
                : isWhole
                  ? words.all
                  : ""}
        </p>
      </div>
    </section>
  );
}

/** So much of the chart around the moment. */
const aroundUs = 300e6;

function Cells({ row }: { row: ErrorRecord }) {
  const { timeUs, machine, severity, code, message } = row;
  const time = dateTimeText(timeUs, zone.value, 3);
  const moment = new URLSearchParams({
    ...(parameter("zone") === "utc" ? { zone: "utc" } : {}),
    from: rangeText(timeUs - aroundUs),
    to: rangeText(timeUs + aroundUs),
    at: rangeText(timeUs),
  });
  const href = `/machines/${encodeURIComponent(machine)}?${moment}`.replaceAll("%3A", ":");
  return (
    <>
      <td class="numbers">
        <Link href={href} aria-label={words.toMoment(machine, time)}>
          {time}
        </Link>
      </td>
      <td title={machine}>{machine}</td>
      <td>
        <SeverityMark severity={severity} />
      </td>
      <td title={code}>{code}</td>
      <td title={message}>{message}</td>
    </>
  );
}
