// The fleet: a tile for each machine, what needs attention first.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { hrefTo, parameter, parameters, setParameters } from "../address/address.ts";
import { Link } from "../address/link.tsx";
import { rangeText } from "../address/range.ts";
import { clients } from "../contract/clients.ts";
import { type Description, readDescriptions } from "../contract/descriptions.ts";
import { restPath } from "../contract/rest.ts";
import { useAnswer } from "../contract/use-answer.ts";
import { exportWords } from "../english/exports.ts";
import { fleetWords as words } from "../english/fleet.ts";
import { type ExportItem, ExportMenu } from "../exports/export-menu.tsx";
import { connection, fleet, useFleetFeed } from "../live/live.ts";
import type { MachineNow } from "../live/messages.ts";
import { useAfterPaint } from "../parts/after-paint.ts";
import { Loading, Notice, Problem } from "../parts/notice.tsx";
import { nowUs as browserNowUs } from "../time/now.ts";
import { startOfDayUs, zone } from "../time/zone.ts";
import { inNameOrder, inOrder, type StateFilter, stateFilterOf, totalsOf } from "./attention.ts";
import { readEnergyToday } from "./energy-today.ts";
import { LabelFilter } from "./label-filter.tsx";
import { matchesLabels, matchesText, toChosen } from "./labels.ts";
import { Tile } from "./tile.tsx";
import { TileGrid } from "./tile-grid.tsx";
import { TotalsBar } from "./totals.tsx";
import "./fleet.css";

/** How long an order lasts at least. */
const orderMs = 5_000;

export default function FleetView() {
  useEffect(() => {
    const feed = useFleetFeed();
    return () => feed[Symbol.dispose]();
  }, []);
  const machines = fleet.value;
  const timeZone = zone.value;
  const nowUs = browserNowUs.value + connection.value.clockOffsetMs * 1000;
  const sinceUs = startOfDayUs(nowUs, timeZone);
  const isShown = machines !== undefined;
  const energy = useAnswer(
    // The tiles first: the energy of the day is the dearer question.
    async (abort) =>
      isShown ? await readEnergyToday(clients.value, { sinceUs, abort }) : undefined,
    [clients.value, sinceUs, isShown],
    { everyMs: 30_000 },
  );
  const descriptions = useAnswer(
    (abort) => readDescriptions(clients.value.signals, abort),
    [clients.value],
    { everyMs: 30_000 },
  );
  if (connection.value.kind === "refused") return <Problem text={connection.value.message} />;
  if (machines === undefined) return <Loading />;
  if (machines.size === 0)
    return (
      <Notice>
        <h1>{words.title}</h1>
        <p>{words.none}</p>
        <p>
          <Link class="button primary" href={hrefTo("/add")}>
            {words.add}
          </Link>
        </p>
      </Notice>
    );
  return (
    <Tiles
      machines={machines}
      nowUs={nowUs}
      timeZone={timeZone}
      energy={energy.value}
      descriptions={descriptions.value ?? undescribed}
    />
  );
}

const undescribed: ReadonlyMap<string, Description> = new Map();

type TilesProps = {
  machines: ReadonlyMap<string, MachineNow>;
  nowUs: number;
  timeZone: string;
  energy: ReadonlyMap<string, number> | undefined;
  descriptions: ReadonlyMap<string, Description>;
};

function Tiles({ machines, nowUs, timeZone, energy, descriptions }: TilesProps) {
  const [text = "", state = "", ...labels] = useAfterPaint(readFilter).split("\n");
  const labelled = toChosen(labels);
  const chosen = state === "" ? undefined : (state as StateFilter);
  const totals = useMemo(() => totalsOf(machines.values(), nowUs), [machines, nowUs]);
  const { names, onReading } = useSteadyOrder(machines, nowUs);
  const wanted = text.trim().toLowerCase();
  const shown = names.filter((name) => {
    const machine = machines.get(name);
    const description = descriptions.get(name);
    if (machine === undefined || !matchesText(name, { description, text: wanted })) return false;
    if (!matchesLabels(description, labelled)) return false;
    return chosen === undefined || stateFilterOf(machine, nowUs) === chosen;
  });
  const byName = useMemo(() => inNameOrder(machines.keys()), [machines.size, names]);
  const kwhToday = energy && [...energy.values()].reduce((sum, kwh) => sum + kwh, 0);
  return (
    <>
      <div class="fleet-head">
        <h1>{words.title}</h1>
        <TotalsBar
          totals={totals}
          kwhToday={kwhToday}
          chosen={chosen}
          onChoose={(state) => setParameters({ state })}
        />
        <NameFilter />
        <LabelFilter descriptions={descriptions} />
        <ExportMenu
          fileName={words.title}
          items={() => fleetExports(startOfDayUs(nowUs, timeZone))}
        />
      </div>
      {shown.length === 0 && (
        <Notice>
          <p>{words.noneMatches}</p>
          <p>
            <button
              type="button"
              class="button"
              onClick={() => setParameters({ q: undefined, state: undefined, label: undefined })}
            >
              {words.clear}
            </button>
          </p>
        </Notice>
      )}
      <TileGrid
        names={byName}
        shown={shown}
        onReading={onReading}
        tile={(name) => (
          <Tile
            machine={machines.get(name)!}
            nowUs={nowUs}
            zone={timeZone}
            kwhToday={energy?.get(name)}
            displayName={descriptions.get(name)?.displayName ?? ""}
            href={hrefTo(`/machines/${encodeURIComponent(name)}`)}
          />
        )}
      />
    </>
  );
}

/** What the address filters by: a line for the name, for the state, and for each label. */
const readFilter = () =>
  [parameter("q") ?? "", parameter("state") ?? "", ...parameters("label")].join("\n");

/** Apart from the tiles: a letter is seen before a hundred of them have moved. */
function NameFilter() {
  return (
    <input
      class="field"
      type="search"
      aria-label={words.filter}
      placeholder={words.filter}
      value={parameter("q") ?? ""}
      onInput={({ currentTarget: { value } }) =>
        setParameters({ q: value === "" ? undefined : value })
      }
    />
  );
}

/** What the tiles show, as REST has it. */
const fleetExports = (sinceUs: number): ExportItem[] => [
  { what: exportWords.signals.state, path: "/signals/state/latest", rows: false },
  { what: "power", path: "/signals/power/latest", rows: false },
  {
    what: exportWords.signals.error,
    path: restPath("/signals/error", { from: "-1h" }),
    rows: true,
  },
  {
    what: exportWords.signals.summary,
    path: restPath("/machines/summary", { from: rangeText(sinceUs) }),
    rows: false,
  },
];

/** An order that is renewed every few seconds, and not while somebody reads the tiles. */
function useSteadyOrder(machines: ReadonlyMap<string, MachineNow>, nowUs: number) {
  const [order, setOrder] = useState(() => ({ names: inOrder(machines.values(), nowUs), nowUs }));
  const reading = useRef(false);
  const onReading = (is: boolean) => {
    reading.current = is;
  };
  const isOld = nowUs - order.nowUs > orderMs * 1000 && !reading.current;
  // A machine that came or went changes the tiles anyway.
  if (!isOld && order.names.length === machines.size) return { names: order.names, onReading };
  const names = inOrder(machines.values(), nowUs);
  setOrder({ names, nowUs });
  return { names, onReading };
}
