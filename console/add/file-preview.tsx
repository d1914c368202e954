// The first rows of a file, as they will be stored, and the bad lines among them.
import { useEffect, useState } from "preact/hooks";
import { fileWords as words } from "../english/add.ts";
import { Wide } from "../parts/wide.tsx";
import { BadLines } from "./bad-lines.tsx";
import type { Row } from "./file/map-record.ts";
import { type FileForm, itemsOf } from "./file/read-mapped.ts";
import type { BadLine } from "./file/upload.ts";

const previewRows = 20;

type Looked = { rows: readonly Row[]; bad: readonly BadLine[]; unreadable?: true };

export type FilePreviewProps = {
  file: File;
  form: FileForm;
  /** Called with the machines that the first rows name. */
  onMachines: (names: readonly string[]) => void;
};

export function FilePreview({ file, form, onMachines }: FilePreviewProps) {
  const [looked, setLooked] = useState<Looked>({ rows: [], bad: [] });
  useEffect(() => {
    const life = new AbortController();
    const read = async () => {
      const rows: Row[] = [];
      const bad: BadLine[] = [];
      for await (const item of itemsOf(file, form, life.signal)) {
        if (item.kind === "bad") bad.push(item.bad);
        else for (const { line, row } of item.rows) addRow({ rows, bad }, line, row);
        if (rows.length >= previewRows || bad.length >= previewRows) break;
      }
      life.signal.throwIfAborted();
      setLooked({ rows, bad });
      const names = new Set<string>();
      for (const { machine = "" } of rows) if (machine !== "") names.add(machine);
      onMachines([...names]);
    };
    read().catch(() => {
      if (!life.signal.aborted) setLooked({ rows: [], bad: [], unreadable: true });
    });
    return () => life.abort(new Error("another file is shown"));
  }, [file, form.kind, form.kind === "csv" ? form.mapping : ""]);
  if (looked.unreadable) return <p role="alert">{words.unreadable}</p>;
  const fields = [...new Set(looked.rows.flatMap((row) => Object.keys(row)))];
  return (
    <>
      <h3 class="add-sub">{words.preview(looked.rows.length)}</h3>
      <Wide label={words.preview(looked.rows.length)}>
        <table class="grid-table" aria-label={words.preview(looked.rows.length)}>
          <thead>
            <tr>
              {fields.map((field) => (
                <th scope="col" key={field}>
                  {field}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {looked.rows.map((row, at) => (
              <tr key={`${at}`}>
                {fields.map((field) => (
                  <td key={field}>{String(row[field] ?? "")}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </Wide>
      {looked.bad.length > 0 && <BadLines bad={looked.bad} count={looked.bad.length} />}
    </>
  );
}

function addRow(
  { rows, bad }: { rows: Row[]; bad: BadLine[] },
  line: number,
  row: Row | string,
): void {
  if (typeof row !== "string") rows.push(row);
  else {
    try {
      rows.push(JSON.parse(row) as Row);
    } catch (error) {
      bad.push({ line, reason: (error as Error).message });
    }
  }
}
