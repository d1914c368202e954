// A machine: what it does now, and its chart through any range.
import { useEffect, useState } from "preact/hooks";
import { sleep } from "../../runtime/backoff.ts";
import { path } from "../address/address.ts";
import { defaultFrom, range, resolveRange } from "../address/range.ts";
import { Answers } from "../answers/answers.tsx";
import type { Axis, View } from "../chart/axis.ts";
import { clients } from "../contract/clients.ts";
import { descriptionOf } from "../contract/descriptions.ts";
import { toSentence } from "../contract/failure.ts";
import { useAnswer } from "../contract/use-answer.ts";
import { machineWords as words } from "../english/machine.ts";
import type { ChartImage } from "../exports/chart-image.ts";
import { ExportMenu } from "../exports/export-menu.tsx";
import { connection, serverNowUs } from "../live/live.ts";
import { StateMark } from "../parts/marks.tsx";
import { Loading, Notice, Problem } from "../parts/notice.tsx";
import { RangePicker } from "../parts/range-picker.tsx";
import { ageText, kilowatts, rangeInWords } from "../time/format.ts";
import { nowUs as browserNowUs } from "../time/now.ts";
import { zone } from "../time/zone.ts";
import { MachineHead } from "./head.ts";
import { Lanes } from "./lanes-view.tsx";
import { MachineChart } from "./machine-chart.ts";
import { machineExports } from "./machine-exports.ts";
import { readNumericSignals } from "./numeric-signals.ts";
import "../chart/chart.css";
import "./machine.css";

type Opened =
  | { kind: "loading" | "unknown" }
  | { kind: "problem"; text: string }
  | { kind: "open"; head: MachineHead; chart: MachineChart };

/** A machine that has sent nothing yet may begin. */
const unknownEveryMs = 3_000;

const nameOf = (at: string): string => {
  const part = at.split("/")[2] ?? "";
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
};

export default function MachineView() {
  const name = nameOf(path.value);
  const [opened, again] = useMachine(name);
  const { from, to } = range.value;
  const isLive = resolveRange({ from, to }, serverNowUs())?.live === true;
  return (
    <>
      <div class="machine-head">
        <Title name={name} isKnown={opened.kind === "open"} />
        {opened.kind === "open" && <Now head={opened.head} />}
      </div>
      <div class="toolbar">
        <RangePicker />
        <span class="grow" />
        {opened.kind === "open" && (
          <ExportMenu
            fileName={name}
            items={() =>
              machineExports(
                name,
                opened.chart.signals.peek().map((signal) => signal.name),
                opened.chart.axis.view.peek(),
              )
            }
            chart={() => chartOf(name, opened.chart.axis.view.peek())}
          />
        )}
      </div>
      {opened.kind === "loading" && <Loading />}
      {opened.kind === "unknown" && <Notice>{words.unknown(name)}</Notice>}
      {opened.kind === "problem" && <Problem text={opened.text} again={again} />}
      {opened.kind === "open" && (
        <div class="machine-columns">
          <Lanes name={name} chart={opened.chart} silentFromUs={opened.head.silentFromUs} />
          <Answers
            machine={name}
            view={opened.chart.axis.view}
            live={isLive}
            onMoment={(timeUs) => showMoment(opened.chart.axis, timeUs)}
          />
        </div>
      )}
    </>
  );
}

/** What the machine is called, with its name beside it, and its labels. */
function Title({ name, isKnown }: { name: string; isKnown: boolean }) {
  const of = clients.value;
  const described = useAnswer(
    async (abort) => {
      if (!isKnown) return undefined;
      const { machine } = await of.machines.getMachine({ machine: name }, { signal: abort });
      return machine && descriptionOf(machine);
    },
    [of, name, isKnown],
    { everyMs: 60_000, keep: false },
  );
  const { displayName = "", labels } = described.value ?? {};
  return (
    <>
      <h1>{displayName || name}</h1>
      {displayName !== "" && (
        <span class="machine-name" title={words.nameTitle}>
          {name}
        </span>
      )}
      {[...(labels ?? [])].map(([key, value]) => (
        <span key={key} class="machine-label">
          {words.label(key, value)}
        </span>
      ))}
    </>
  );
}

/** The lanes as an image, with the range in words. */
function chartOf(name: string, { fromUs, toUs }: View): ChartImage | undefined {
  const element = document.querySelector<HTMLElement>(".machine-chart .lanes");
  if (element === null) return undefined;
  return { element, title: name, subtitle: rangeInWords(fromUs, toUs, zone.value) };
}

/** Puts the crosshair on a moment, and brings it into view if it is not. */
function showMoment(axis: Axis, timeUs: number): void {
  const { fromUs, toUs } = axis.view.peek();
  if (timeUs < fromUs || timeUs > toUs) axis.pan(timeUs - (fromUs + toUs) / 2);
  axis.pin(timeUs);
}

/** The machine of this name, opened for as long as the view shows it. */
function useMachine(name: string): [Opened, () => void] {
  const [opened, setOpened] = useState<Opened>({ kind: "loading" });
  const [round, setRound] = useState(0);
  const of = clients.value;
  useEffect(() => {
    const life = new AbortController();
    const { signal: abort } = life;
    let chart: MachineChart | undefined;
    setOpened({ kind: "loading" });
    const open = async (): Promise<void> => {
      const head = new MachineHead(name);
      const [now, signals] = await Promise.all([
        head.begin(of, abort),
        readNumericSignals(of.signals, { machine: name, abort }),
      ]);
      abort.throwIfAborted();
      if (now === undefined) {
        setOpened({ kind: "unknown" });
        await sleep(unknownEveryMs, abort);
        return open();
      }
      const nowUs = serverNowUs();
      const view =
        resolveRange(range.peek(), nowUs) ??
        resolveRange({ from: defaultFrom, to: undefined }, nowUs)!;
      chart = new MachineChart({
        client: of.signals,
        machine: name,
        signals,
        view,
        onRecords: (records) => head.add(records),
      });
      setOpened({ kind: "open", head, chart });
    };
    open().catch((error: unknown) => {
      if (!abort.aborted) setOpened({ kind: "problem", text: toSentence(error) });
    });
    return () => {
      life.abort(new Error("another machine is shown"));
      chart?.[Symbol.dispose]();
    };
  }, [name, of, round]);
  return [opened, () => setRound((before) => before + 1)];
}

function Now({ head }: { head: MachineHead }) {
  const now = head.now.value;
  const nowUs = browserNowUs.value + connection.value.clockOffsetMs * 1000;
  if (now === undefined) return null;
  const silent = head.silentFromUs.value !== undefined;
  const since = silent ? now.lastRecordUs : now.stateSinceUs;
  return (
    <>
      <StateMark
        state={now.state}
        silent={silent}
        rest={since === undefined ? undefined : ageText(nowUs - since)}
      />
      <span class="machine-power numbers">
        {silent || now.powerW === undefined ? "–" : kilowatts(now.powerW)} <small>kW</small>
      </span>
      <span class="machine-age soft numbers">{words.age(ageText(nowUs - now.lastRecordUs))}</span>
      {/* Last, since it comes and goes. */}
      {now.reason !== "" && <span class="soft">{now.reason}</span>}
    </>
  );
}
