// Waits for the first record of machines after the page was opened, and says so when it comes.
import { useEffect, useRef, useState } from "preact/hooks";
import { hrefTo } from "../address/address.ts";
import { Link } from "../address/link.tsx";
import { clients } from "../contract/clients.ts";
import { toSentence } from "../contract/failure.ts";
import { addWords as words } from "../english/add.ts";
import { watchRecords } from "../live/live.ts";
import { clockText } from "../time/format.ts";
import { zone } from "../time/zone.ts";

type Seen = { machine: string; signal: string; timeUs: number };
type State = {
  /** It is known what is stored, and what comes next is seen. */
  isWatching: boolean;
  isKnown: boolean;
  seen: Seen | undefined;
  problem: string | undefined;
};
const nothing: State = {
  isWatching: false,
  isKnown: false,
  seen: undefined,
  problem: undefined,
};

/** Typing a name does not start a watch for every letter. */
const restMs = 400;

export function FirstRecord({ machines }: { machines: readonly string[] }) {
  const [state, setState] = useState(nothing);
  const names = machines.join(", ");
  const begun = useRef(false);
  const of = clients.value.signals;
  useEffect(() => {
    setState(nothing);
    const life = new AbortController();
    let feed: Disposable | undefined;
    const begin = async () => {
      const { signals, cursor } = await of.getLatest(
        { machines: [...machines], pageSize: 1 },
        { signal: life.signal },
      );
      life.signal.throwIfAborted();
      setState({ ...nothing, isWatching: true, isKnown: signals.length > 0 });
      feed = watchRecords({
        machines,
        after: cursor,
        onLost: (problem) => setState((old) => ({ ...old, problem })),
        onRecords({ records }) {
          const [first] = records.flatMap(({ machine, columns, stateChanges, errorReports }) => [
            ...columns.map(({ signal, timesUs }) => ({ machine, signal, timeUs: timesUs[0]! })),
            ...stateChanges.map(({ timeUs }) => ({ machine, signal: "state", timeUs })),
            ...errorReports.map(({ timeUs }) => ({ machine, signal: "error", timeUs })),
          ]);
          if (first !== undefined) setState((old) => ({ ...old, seen: old.seen ?? first }));
        },
      });
    };
    const timer = setTimeout(
      () => {
        begin().catch((error: unknown) => {
          if (!life.signal.aborted) setState({ ...nothing, problem: toSentence(error) });
        });
      },
      begun.current ? restMs : 0,
    );
    begun.current = true;
    return () => {
      clearTimeout(timer);
      life.abort(new Error("another machine is waited for"));
      feed?.[Symbol.dispose]();
    };
  }, [machines.join("\n"), of]);
  const { seen, isKnown, isWatching, problem } = state;
  return (
    <div class={`first-record ${seen === undefined ? "" : "seen"}`} role="status">
      {problem ??
        (seen === undefined
          ? !isWatching
            ? ""
            : isKnown
              ? words.known(names)
              : words.waiting(names)
          : words.seen(seen.machine, seen.signal, clockText(seen.timeUs, zone.value, 3)))}
      {seen !== undefined && (
        <Link class="button" href={hrefTo(`/machines/${encodeURIComponent(seen.machine)}`)}>
          {words.open}
        </Link>
      )}
    </div>
  );
}
