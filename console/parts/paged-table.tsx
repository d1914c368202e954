// A table of many rows in pages, for who reads figures instead of a chart.
import { useState } from "preact/hooks";
import { chartWords } from "../english/chart.ts";
import { Wide } from "./wide.tsx";

export type PagedTableProps = {
  label: string;
  columns: readonly string[];
  count: number;
  /** The cells of a row. */
  row: (index: number) => readonly string[];
};

const pageRows = 200;
const words = chartWords.table;

export function PagedTable({ label, columns, count, row }: PagedTableProps) {
  const [page, setPage] = useState(0);
  const pages = Math.max(1, Math.ceil(count / pageRows));
  const shown = Math.min(page, pages - 1);
  const first = shown * pageRows;
  const rows = Array.from({ length: Math.min(pageRows, count - first) }, (_, i) => row(first + i));
  return (
    <Wide label={label}>
      <table class="grid-table" aria-label={label} aria-rowcount={count + 1}>
        <caption class="paged-caption">{label}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <th scope="col" key={column}>
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((cells, at) => (
            <tr key={first + at} aria-rowindex={first + at + 2}>
              {cells.map((cell, i) => (
                <td key={columns[i]}>{cell}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {count === 0 && <p class="soft">{words.empty}</p>}
      {pages > 1 && (
        <div class="toolbar">
          <button
            type="button"
            class="button"
            disabled={shown === 0}
            onClick={() => setPage(shown - 1)}
          >
            {words.before}
          </button>
          <span class="numbers">{words.page(shown + 1, pages)}</span>
          <button
            type="button"
            class="button"
            disabled={shown === pages - 1}
            onClick={() => setPage(shown + 1)}
          >
            {words.next}
          </button>
        </div>
      )}
    </Wide>
  );
}
