// Waits for the first record of a machine after the page was opened, and says so when it comes.
import { useEffect, useState } from "preact/hooks";
import { hrefTo } from "../address/address.ts";
import { Link } from "../address/link.tsx";
import { clients } from "../contract/clients.ts";
import { toSentence } from "../contract/failure.ts";
import { addWords as words } from "../english/add.ts";
import { watchRecords } from "../live/live.ts";
import { clockText } from "../time/format.ts";
import { zone } from "../time/zone.ts";

type Seen = { signal: string; timeUs: number };
type State = { isKnown: boolean; seen: Seen | undefined; problem: string | undefined };
const nothing: State = { isKnown: false, seen: undefined, problem: undefined };

/** Typing a name does not start a watch for every letter. */
const restMs = 400;

export function FirstRecord({ machine }: { machine: string }) {
  const [state, setState] = useState(nothing);
  const of = clients.value.signals;
  useEffect(() => {
    setState(nothing);
    const life = new AbortController();
    let feed: Disposable | undefined;
    const begin = async () => {
      const { signals, cursor } = await of.getLatest(
        { machines: [machine], pageSize: 1 },
        { signal: life.signal },
      );
      life.signal.throwIfAborted();
      setState({ ...nothing, isKnown: signals.length > 0 });
      feed = watchRecords({
        machines: [machine],
        after: cursor,
        onLost: (problem) => setState((old) => ({ ...old, problem })),
        onRecords({ records }) {
          const [first] = records.flatMap(({ columns, stateChanges, errorReports }) => [
            ...columns.map(({ signal, timesUs }) => ({ signal, timeUs: timesUs[0]! })),
            ...stateChanges.map(({ timeUs }) => ({ signal: "state", timeUs })),
            ...errorReports.map(({ timeUs }) => ({ signal: "error", timeUs })),
          ]);
          if (first !== undefined) setState((old) => ({ ...old, seen: old.seen ?? first }));
        },
      });
    };
    const timer = setTimeout(() => {
      begin().catch((error: unknown) => {
        if (!life.signal.aborted) setState({ ...nothing, problem: toSentence(error) });
      });
    }, restMs);
    return () => {
      clearTimeout(timer);
      life.abort(new Error("another machine is waited for"));
      feed?.[Symbol.dispose]();
    };
  }, [machine, of]);
  const { seen, isKnown, problem } = state;
  return (
    <div class={`first-record ${seen === undefined ? "" : "seen"}`} role="status">
      {problem ??
        (seen === undefined
          ? isKnown
            ? words.known(machine)
            : words.waiting(machine)
          : words.seen(machine, seen.signal, clockText(seen.timeUs, zone.value, 3)))}
      {seen !== undefined && (
        <Link class="button" href={hrefTo(`/machines/${encodeURIComponent(machine)}`)}>
          {words.open}
        </Link>
      )}
    </div>
  );
}
