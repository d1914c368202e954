// The error reports of a range for the table: read backwards as one scrolls, and live.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { createBackoff, sleep } from "../../runtime/backoff.ts";
import { clients } from "../contract/clients.ts";
import { isPassing, toSentence } from "../contract/failure.ts";
import { serverNowUs, watchRecords } from "../live/live.ts";
import type { ErrorRecord } from "../live/messages.ts";
import { type ErrorFilter, matchesRequest } from "./error-filter.ts";
import { ErrorHistory } from "./error-history.ts";
import { maxRows, merged, newestFirst } from "./error-rows.ts";

export type Errors = {
  /** Newest first. */
  readonly rows: readonly ErrorRecord[];
  /** Live reports that are not shown yet. */
  readonly fresh: readonly ErrorRecord[];
  readonly loading: boolean;
  readonly problem: string | undefined;
  readonly isWhole: boolean;
  /** The table holds as many as it may: older ones are not shown. */
  readonly isFull: boolean;
  readonly readOlder: () => void;
  readonly showFresh: () => void;
};

export type UseErrorsOptions = {
  filter: ErrorFilter;
  fromUs: number;
  toUs: number;
  live: boolean;
  /** Live reports are shown as they come, because the reader is at the top. */
  atTop: boolean;
};

type State = {
  readonly rows: readonly ErrorRecord[];
  readonly fresh: readonly ErrorRecord[];
  readonly loading: boolean;
  readonly problem: string | undefined;
};

const begun: State = { rows: [], fresh: [], loading: true, problem: undefined };
/** So many wait for the reader; then they are shown, whether or not the reader is at the top. */
const maxFresh = 5_000;

export function useErrors({ filter, fromUs, toUs, live, atTop }: UseErrorsOptions): Errors {
  const { machines, severities, code, codePrefix } = filter;
  const subject = JSON.stringify([machines, severities, code, codePrefix, fromUs, live ? 0 : toUs]);
  const of = clients.value.signals;
  const [state, setState] = useState(begun);
  const [round, setRound] = useState(0);
  // A new one for each subject, and when the feed is lost: a live one then begins with now.
  const history = useMemo(
    () =>
      new ErrorHistory({
        client: of,
        filter,
        fromUs,
        toUs: live ? undefined : toUs,
        nowUs: serverNowUs(),
      }),
    [of, subject, live, round],
  );
  const busy = useRef(false);
  const top = useRef(atTop);
  top.current = atTop;
  const life = useRef(new AbortController());
  const read = async (abort: AbortSignal) => {
    busy.current = true;
    setState((old) => ({ ...old, loading: true }));
    try {
      const older = await readPatiently(history, abort, (problem) =>
        setState((old) => ({ ...old, problem })),
      );
      abort.throwIfAborted();
      setState((old) => ({ ...old, rows: merged(old.rows, older), problem: undefined }));
    } finally {
      if (!abort.aborted) {
        busy.current = false;
        setState((old) => ({ ...old, loading: false }));
      }
    }
  };
  const isFull = history.isFull || state.rows.length >= maxRows;
  const readOlder = () => {
    if (!busy.current && !history.isWhole && !isFull) read(life.current.signal).catch(() => {});
  };
  useEffect(() => {
    life.current = new AbortController();
    const { signal: abort } = life.current;
    let feed: Disposable | undefined;
    setState(begun);
    const begin = async () => {
      await read(abort);
      if (!live) return;
      feed = watchRecords({
        machines,
        signals: ["error"],
        after: history.cursor!,
        onLost: () => setRound((before) => before + 1),
        onRecords({ records }) {
          const came: ErrorRecord[] = [];
          for (const { machine, errorReports } of records)
            for (const report of errorReports) {
              const one = { machine, ...report };
              if (one.timeUs >= fromUs && matchesRequest(one, filter)) came.push(one);
            }
          if (came.length === 0) return;
          setState((old) => {
            const fresh = merged(old.fresh, newestFirst(came));
            return top.current || fresh.length > maxFresh
              ? { ...old, rows: merged(old.rows, fresh), fresh: [] }
              : { ...old, fresh };
          });
        },
      });
    };
    begin().catch(() => {});
    return () => {
      life.current.abort(new Error("other errors are shown"));
      feed?.[Symbol.dispose]();
    };
  }, [history]);
  return {
    ...state,
    isWhole: history.isWhole,
    isFull,
    readOlder,
    showFresh: () => setState((old) => ({ ...old, rows: merged(old.rows, old.fresh), fresh: [] })),
  };
}

/** Tries again what may pass; says why meanwhile. */
async function readPatiently(
  history: ErrorHistory,
  abort: AbortSignal,
  onProblem: (text: string) => void,
): Promise<ErrorRecord[]> {
  const backoff = createBackoff({ baseMs: 300, maxMs: 5_000 });
  for (;;) {
    try {
      return await history.older(abort);
    } catch (error) {
      abort.throwIfAborted();
      onProblem(toSentence(error));
      if (!isPassing(error)) throw error;
      await sleep(backoff.next(), abort);
    }
  }
}
