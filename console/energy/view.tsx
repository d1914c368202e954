// Energy by machine and day: by state, what idling costs, and the highest quarter hour.
import { useMemo } from "preact/hooks";
import { MachineState } from "#gen/millrace/v1/signal_pb.ts";
import { parameter, parameters, setParameters } from "../address/address.ts";
import { rangeText } from "../address/range.ts";
import { colorOf } from "../chart/canvas.ts";
import { clients } from "../contract/clients.ts";
import { readMachineNames } from "../contract/machine-names.ts";
import { restPath } from "../contract/rest.ts";
import { useAnswer } from "../contract/use-answer.ts";
import { energyWords as words } from "../english/energy.ts";
import { stateWords } from "../english/frame.ts";
import type { ChartImage } from "../exports/chart-image.ts";
import { ExportMenu } from "../exports/export-menu.tsx";
import { serverNowUs } from "../live/live.ts";
import { lookOfState } from "../look/state-look.ts";
import { Card } from "../parts/card.tsx";
import { MachinePicker } from "../parts/machine-picker.tsx";
import { StateMark } from "../parts/marks.tsx";
import { Loading, Notice, Problem } from "../parts/notice.tsx";
import { kilowattHours, rangeInWords } from "../time/format.ts";
import { startOfDayUs, zone } from "../time/zone.ts";
import { costText, DayTable, type Price } from "./day-table.tsx";
import {
  type Demand,
  type EnergyDay,
  type MachineEnergy,
  readDemands,
  readEnergyDays,
  statesOf,
  sumOf,
  totalOf,
} from "./energy-days.ts";
import { PriceFields, readPrice } from "./price.tsx";
import { StackedBars } from "./stacked-bars.tsx";
import "./energy.css";
import { Wide } from "../parts/wide.tsx";

const periods = [7, 14, 31] as const;
const everyMs = 60_000;

export default function EnergyView() {
  const timeZone = zone.value;
  const asked = Number(parameter("days"));
  const days = periods.find((one) => one === asked) ?? periods[0];
  const chosen = parameters("machine");
  const typed = readPrice(parameter("price"), parameter("currency"));
  const price = typed === "wrong" ? undefined : typed;
  const of = clients.value.signals;
  const fromUs = startOfDayUs(serverNowUs(), timeZone, 1 - days);
  const names = useAnswer((abort) => readMachineNames(of, abort), [of], { everyMs });
  const answer = useAnswer(
    (abort) => readEnergyDays(of, { machines: chosen, fromUs, timeZone, abort }),
    [of, chosen.join("\0"), fromUs, timeZone],
    { everyMs },
  );
  const machines = answer.value?.machines;
  const without = answer.value?.without ?? [];
  const total = useMemo(() => machines && totalOf(machines), [machines]);
  return (
    <>
      <div class="toolbar">
        <h1>{words.title}</h1>
        <fieldset class="choices">
          <legend class="hidden-text">{words.period}</legend>
          {periods.map((one) => (
            <button
              type="button"
              key={one}
              class="button quiet"
              aria-pressed={one === days}
              onClick={() => setParameters({ days: String(one) }, { push: true })}
            >
              {words.days(one)}
            </button>
          ))}
        </fieldset>
        <MachinePicker
          label={words.machines}
          none={words.allMachines}
          names={names.value ?? []}
          chosen={chosen}
          onChoose={(machine) => setParameters({ machine })}
        />
        <PriceFields isWrong={typed === "wrong"} />
        <span class="grow" />
        <ExportMenu
          fileName={words.title}
          items={() => [
            {
              what: words.title,
              rows: true,
              path: restPath("/signals/state/buckets", {
                machine: chosen,
                from: rangeText(fromUs),
                calendar: "day",
                tz: timeZone,
              }),
            },
          ]}
          chart={() => imageOf(total ?? [], timeZone)}
        />
      </div>
      {machines === undefined && answer.problem === undefined && <Loading />}
      {answer.problem !== undefined && <Problem text={answer.problem} again={answer.again} />}
      {machines?.length === 0 && <Notice>{words.none}</Notice>}
      {machines !== undefined && machines.length > 0 && (
        <>
          <Card
            class="energy-days"
            title={words.byDay}
            how={`${words.how} ${price ? words.costHow : words.noPrice}`}
            aside={<Legend states={statesOf(total!)} />}
          >
            <Wide label={words.byDay} fromEnd>
              <StackedBars
                days={total!}
                timeZone={timeZone}
                width={Math.max(560, days * 96)}
                height={230}
                labelled
                label={words.byDay}
              />
            </Wide>
            <DayTable
              label={words.total}
              days={total!}
              timeZone={timeZone}
              price={price}
              nowUs={serverNowUs()}
            />
          </Card>
          {machines.map((machine) => (
            <Machine key={machine.name} machine={machine} price={price} timeZone={timeZone} />
          ))}
          {without.length > 0 && <p class="soft">{words.without(without)}</p>}
        </>
      )}
    </>
  );
}

/** The bars of all chosen machines as an image. */
function imageOf(days: readonly EnergyDay[], timeZone: string): ChartImage | undefined {
  const element = document.querySelector<HTMLElement>(".energy-days .wide");
  const sum = sumOf(days);
  if (element === null || sum === undefined) return undefined;
  return {
    element,
    title: `${words.byDay} · ${words.kwh}`,
    subtitle: rangeInWords(sum.fromUs, sum.toUs, timeZone),
    legend: statesOf(days).map((state) => ({
      color: colorOf(`--${lookOfState[state] ?? "unknown"}`),
      dash: [],
      text: stateWords[state] ?? "",
    })),
  };
}

function Legend({ states }: { states: readonly MachineState[] }) {
  return (
    <span class="toolbar">
      {states.map((state) => (
        <StateMark key={state} state={state} />
      ))}
    </span>
  );
}

type MachineProps = { machine: MachineEnergy; price: Price | undefined; timeZone: string };

/** A machine in a line, and its days when it is opened. */
function Machine({ machine: { name, days }, price, timeZone }: MachineProps) {
  const open = parameters("open");
  const isOpen = open.includes(name);
  const sum = sumOf(days);
  const idleKwh = sum?.byState.get(MachineState.IDLE) ?? 0;
  return (
    <details
      class="card energy-machine"
      open={isOpen}
      onToggle={({ currentTarget: { open: isNow } }) => {
        if (isNow === isOpen) return;
        const others = open.filter((one) => one !== name);
        setParameters({ open: isNow ? [...others, name] : others });
      }}
    >
      <summary>
        <b class="energy-name">{name}</b>
        <StackedBars
          days={days}
          timeZone={timeZone}
          width={180}
          height={36}
          labelled={false}
          label={words.details(name)}
        />
        <span class="numbers">
          <b>{kilowattHours(sum?.kwh ?? 0)}</b> {words.kwh}
        </span>
        <span class="numbers soft">
          {words.idleKwh} {kilowattHours(idleKwh)} {words.kwh}
          {price && ` · ${costText(idleKwh, price)}`}
        </span>
      </summary>
      {isOpen && <Days name={name} days={days} price={price} timeZone={timeZone} />}
    </details>
  );
}

/** With the highest quarter hour of each day, which is asked for only here. */
function Days({ name, days, price, timeZone }: MachineEnergy & Omit<MachineProps, "machine">) {
  const of = clients.value.signals;
  const demands = useAnswer(
    async (abort) => {
      const found = new Map<number, Demand>();
      // One after the other: a month at once would be 31 questions for one caller.
      for (const { fromUs, toUs } of days) {
        const demand = (await readDemands(of, { machines: [name], fromUs, toUs, abort })).get(name);
        if (demand !== undefined) found.set(fromUs, demand);
      }
      return found;
    },
    [of, name, days],
  );
  return (
    <>
      <DayTable
        label={words.details(name)}
        days={days}
        timeZone={timeZone}
        price={price}
        demands={demands.value ?? new Map()}
        nowUs={serverNowUs()}
      />
      <p class="how">{demands.problem ?? words.quarterHow}</p>
    </>
  );
}
