// The error reports of a range for the table: read backwards as one scrolls, and live.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { createBackoff, sleep } from "../../runtime/backoff.ts";
import { clients } from "../contract/clients.ts";
import { isPassing, toSentence } from "../contract/failure.ts";
import { watchRecords } from "../live/live.ts";
import type { ErrorRecord } from "../live/messages.ts";
import { type ErrorFilter, matchesRequest } from "./error-filter.ts";
import { ErrorHistory, withFresh } from "./error-history.ts";

export type Errors = {
  readonly rows: readonly ErrorRecord[];
  /** Live reports that are not shown yet. */
  readonly fresh: readonly ErrorRecord[];
  readonly loading: boolean;
  readonly problem: string | undefined;
  readonly isWhole: boolean;
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

const none: readonly ErrorRecord[] = [];

export function useErrors({ filter, fromUs, toUs, live, atTop }: UseErrorsOptions): Errors {
  const { machines, severities, code } = filter;
  const subject = JSON.stringify([machines, severities, code, fromUs, live ? 0 : toUs]);
  const of = clients.value.signals;
  const [state, setState] = useState({
    rows: none,
    fresh: none,
    problem: undefined as string | undefined,
  });
  const [loading, setLoading] = useState(true);
  const [round, setRound] = useState(0);
  // A new one for each subject, and when the feed is lost.
  const history = useMemo(
    () => new ErrorHistory({ client: of, filter, fromUs, toUs }),
    [of, subject, round],
  );
  const busy = useRef(false);
  const top = useRef(atTop);
  top.current = atTop;
  const life = useRef(new AbortController());
  const readOlder = () => {
    if (busy.current || history.isWhole || history.isFull) return;
    busy.current = true;
    const { signal: abort } = life.current;
    setLoading(true);
    readPatiently(history, abort, (problem) => setState((old) => ({ ...old, problem })))
      .then((rows) => {
        if (abort.aborted) return;
        setState((old) => ({ ...old, rows: [...old.rows, ...rows], problem: undefined }));
      })
      .catch(() => {})
      .finally(() => {
        if (abort.aborted) return;
        busy.current = false;
        setLoading(false);
      });
  };
  useEffect(() => {
    life.current = new AbortController();
    busy.current = false;
    const { signal: abort } = life.current;
    let feed: Disposable | undefined;
    setState({ rows: none, fresh: none, problem: undefined });
    setLoading(true);
    const begin = async () => {
      busy.current = true;
      const first = await readPatiently(history, abort, (problem) =>
        setState((old) => ({ ...old, problem })),
      );
      if (abort.aborted) return;
      busy.current = false;
      setLoading(false);
      setState({ rows: first, fresh: none, problem: undefined });
      if (!live) return;
      feed = watchRecords({
        machines,
        signals: ["error"],
        after: history.cursor!,
        onLost: () => setRound((before) => before + 1),
        onRecords({ records }) {
          const came = records
            .flatMap(({ machine, errorReports }) =>
              errorReports.map((report) => ({ machine, ...report })),
            )
            .filter((one) => one.timeUs >= fromUs && matchesRequest(one, filter));
          if (came.length === 0) return;
          setState((old) =>
            top.current
              ? { ...old, rows: withFresh(old.rows, came) }
              : { ...old, fresh: [...old.fresh, ...came] },
          );
        },
      });
    };
    begin().catch(() => {});
    return () => {
      life.current.abort(new Error("other errors are shown"));
      feed?.[Symbol.dispose]();
    };
  }, [history, live]);
  return {
    ...state,
    loading,
    isWhole: history.isWhole,
    isFull: history.isFull,
    readOlder,
    showFresh: () =>
      setState((old) => ({ ...old, rows: withFresh(old.rows, old.fresh), fresh: none })),
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
