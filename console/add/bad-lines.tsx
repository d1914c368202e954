// The lines of a file that are not stored, with the reason of each.
import { fileWords as words } from "../english/add.ts";
import { save } from "../exports/download.ts";
import type { BadLine } from "./file/upload.ts";

/** So many are shown; the list that can be saved has more. */
const shownLines = 200;

export function BadLines({ bad, count }: { bad: readonly BadLine[]; count: number }) {
  const saveList = () => {
    const text = bad.map(({ line, reason }) => JSON.stringify({ line, reason })).join("\n");
    const address = URL.createObjectURL(new Blob([`${text}\n`], { type: "application/x-ndjson" }));
    save(address, "bad lines.ndjson");
    setTimeout(() => URL.revokeObjectURL(address), 60_000);
  };
  return (
    <details class="bad-lines" open={count <= 20}>
      <summary>{words.bad(count)}</summary>
      <table class="grid-table" aria-label={words.bad(count)}>
        <thead>
          <tr>
            <th scope="col">{words.line}</th>
            <th scope="col">{words.reason}</th>
          </tr>
        </thead>
        <tbody>
          {bad.slice(0, shownLines).map(({ line, reason }, at) => (
            <tr key={`${at}`}>
              <td>{line}</td>
              <td>{reason}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <button type="button" class="button" onClick={saveList}>
        {words.saveBad(bad.length, count)}
      </button>
    </details>
  );
}
