// Several machines on one time axis, or machines now and some time before.
import { parameter, parameters, setParameters } from "../address/address.ts";
import { range, rangeText, resolveRange } from "../address/range.ts";
import { clients } from "../contract/clients.ts";
import { readMachineNames } from "../contract/machine-names.ts";
import { restPath } from "../contract/rest.ts";
import { useAnswer } from "../contract/use-answer.ts";
import { compareWords as words } from "../english/compare.ts";
import { rangeWords } from "../english/frame.ts";
import { ExportMenu } from "../exports/export-menu.tsx";
import { serverNowUs } from "../live/live.ts";
import { MachinePicker } from "../parts/machine-picker.tsx";
import { Notice, Problem } from "../parts/notice.tsx";
import { RangePicker } from "../parts/range-picker.tsx";
import { rangeInWords } from "../time/format.ts";
import { zone } from "../time/zone.ts";
import { Compared } from "./compared.tsx";
import { legendLines } from "./legend.tsx";
import { shiftOf, shifts } from "./shifts.ts";
import { SignalPicker } from "./signal-picker.tsx";
import "../chart/chart.css";
import "./compare.css";

export default function CompareView() {
  const chosen = parameters("machine").slice(0, words.most);
  const of = clients.value.signals;
  const names = useAnswer((abort) => readMachineNames(of, abort), [of], { everyMs: 60_000 });
  const named = parameters("signal").slice(0, words.mostSignals);
  const signals = named.length === 0 ? ["power"] : named;
  const against = parameter("against") ?? "";
  const { from, to } = range.value;
  const resolved = resolveRange({ from, to }, serverNowUs());
  return (
    <>
      <div class="toolbar">
        <h1>{words.title}</h1>
        <MachinePicker
          label={words.machines}
          none={words.pick}
          names={names.value ?? []}
          chosen={chosen}
          max={words.most}
          onChoose={(machine) => setParameters({ machine })}
        />
        <SignalPicker machines={chosen} chosen={signals} />
        <label class="toolbar">
          <span class="soft">{words.against}</span>
          <select
            class="field"
            value={against}
            onChange={({ currentTarget: { value } }) =>
              setParameters({ against: value === "" ? undefined : value })
            }
          >
            {shifts.map(([name], at) => (
              <option key={name} value={name}>
                {[words.againstNone, words.againstDay, words.againstWeek, words.againstMonth][at]}
              </option>
            ))}
          </select>
        </label>
      </div>
      <div class="toolbar">
        <RangePicker />
        <span class="grow" />
        {chosen.length > 0 && resolved !== undefined && (
          <ExportMenu
            fileName={words.title}
            items={() =>
              signals.map((signal) => ({
                what: signal,
                rows: true,
                path: restPath(`/signals/${encodeURIComponent(signal)}/buckets`, {
                  machine: chosen,
                  from: rangeText(resolved.fromUs),
                  to: resolved.live ? undefined : rangeText(resolved.toUs),
                }),
              }))
            }
            chart={() => {
              const card = document.querySelector<HTMLElement>(".compare-chart");
              const element = card?.querySelector<HTMLElement>(".lanes");
              if (!card || !element) return undefined;
              const shown = resolveRange({ from, to }, serverNowUs())!;
              return {
                element,
                title: `${signals.join(", ")}: ${chosen.join(", ")}`,
                subtitle: rangeInWords(shown.fromUs, shown.toUs, zone.value),
                legend: legendLines(card),
              };
            }}
          />
        )}
      </div>
      {chosen.length === 0 ? (
        <Notice>{words.begin}</Notice>
      ) : resolved === undefined ? (
        <Problem text={rangeWords.invalid} />
      ) : (
        <Compared
          machines={chosen}
          signals={signals}
          shiftUs={shiftOf(against)}
          live={resolved.live}
        />
      )}
    </>
  );
}
