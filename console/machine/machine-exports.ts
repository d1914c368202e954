// What of a machine can be saved: its signals, states, errors and figures of the range in view.
import { rangeText } from "../address/range.ts";
import type { View } from "../chart/axis.ts";
import { restPath } from "../contract/rest.ts";
import { exportWords as words } from "../english/exports.ts";
import type { ExportItem } from "../exports/export-menu.tsx";

export function machineExports(
  machine: string,
  signals: readonly string[],
  { fromUs, toUs }: View,
): ExportItem[] {
  const window = { from: rangeText(fromUs), to: rangeText(toUs) };
  const rows = (what: string, path: string) => ({
    what,
    path: restPath(path, { machine, ...window }),
    rows: true,
  });
  return [
    ...signals.map((signal) => rows(signal, `/signals/${encodeURIComponent(signal)}`)),
    rows(words.signals.state, "/signals/state/intervals"),
    rows(words.signals.error, "/signals/error"),
    {
      what: words.signals.summary,
      path: restPath(`/machines/${encodeURIComponent(machine)}/summary`, window),
      rows: false,
    },
  ];
}
