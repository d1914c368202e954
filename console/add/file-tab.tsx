// A file of rows: what it is, what its columns mean, how the first rows will be stored, and the
// upload.
import { useEffect, useRef, useState } from "preact/hooks";
import { toSentence } from "../contract/failure.ts";
import { key } from "../contract/session.ts";
import { fileWords as words } from "../english/add.ts";
import { save } from "../exports/download.ts";
import { Wide } from "../parts/wide.tsx";
import { percent } from "../time/format.ts";
import { type FileLook, lookAtFile } from "./file/look-at-file.ts";
import type { FileMapping, Row } from "./file/map-record.ts";
import { type FileForm, itemsOf } from "./file/read-mapped.ts";
import { type BadLine, maxBadLines, type UploadProgress, upload } from "./file/upload.ts";
import { MappingForm } from "./mapping-form.tsx";

const previewRows = 20;

export function FileTab({ machine, signal }: { machine: string; signal: string }) {
  const [file, setFile] = useState<File>();
  const [look, setLook] = useState<FileLook>();
  const [mapping, setMapping] = useState<FileMapping>();
  const take = async (next: File) => {
    setFile(next);
    setLook(undefined);
    const found = await lookAtFile(next);
    setLook(found);
    if (found.kind === "csv")
      setMapping({
        columns: found.columns,
        machine,
        signal,
        epoch: undefined,
        decimalComma: found.decimalComma,
      });
  };
  if (file === undefined || look === undefined || look.kind === "empty")
    return (
      <>
        <DropBox onFile={(next) => void take(next)} />
        {look?.kind === "empty" && <p role="alert">{words.empty}</p>}
      </>
    );
  const form: FileForm | undefined =
    look.kind === "ndjson"
      ? { kind: "ndjson" }
      : mapping && { kind: "csv", delimiter: look.delimiter, mapping };
  return (
    <>
      <p class="add-how">
        <b>{file.name}</b>{" "}
        {look.kind === "ndjson"
          ? words.ndjson
          : words.csv(words.delimiters[look.delimiter], look.columns.length)}{" "}
        <button type="button" class="button" onClick={() => setFile(undefined)}>
          {words.another}
        </button>
      </p>
      {look.kind === "csv" && mapping && <MappingForm mapping={mapping} onChange={setMapping} />}
      {form && <Preview file={file} form={form} />}
      {form && <Upload file={file} form={form} />}
    </>
  );
}

function DropBox({ onFile }: { onFile: (file: File) => void }) {
  const input = useRef<HTMLInputElement>(null);
  const [isOver, setOver] = useState(false);
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    const [file] = event.dataTransfer?.files ?? [];
    if (file !== undefined) onFile(file);
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the button inside does the same by keys.
    <div
      class={`drop-box ${isOver ? "over" : ""}`}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={drop}
    >
      {words.drop}{" "}
      <button type="button" class="button" onClick={() => input.current!.click()}>
        {words.choose}
      </button>
      <input
        ref={input}
        type="file"
        class="hidden-text"
        tabIndex={-1}
        aria-label={words.choose}
        accept=".csv,.tsv,.txt,.ndjson,.jsonl,text/csv,application/x-ndjson"
        onChange={({ currentTarget: { files } }) => files?.[0] && onFile(files[0])}
      />
    </div>
  );
}

type Looked = { rows: readonly Row[]; bad: readonly BadLine[] };

function Preview({ file, form }: { file: File; form: FileForm }) {
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
    };
    read().catch(() => {});
    return () => life.abort(new Error("another file is shown"));
  }, [file, form.kind, form.kind === "csv" ? form.mapping : ""]);
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

function BadLines({ bad, count }: { bad: readonly BadLine[]; count: number }) {
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
          {bad.slice(0, 200).map(({ line, reason }, at) => (
            <tr key={`${at}`}>
              <td>{line}</td>
              <td>{reason}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <button type="button" class="button" onClick={saveList}>
        {words.saveBad}
      </button>
    </details>
  );
}

type Sending =
  | { kind: "idle" | "canceled" }
  | { kind: "sending"; progress: UploadProgress | undefined; life: AbortController }
  | { kind: "done"; progress: UploadProgress }
  | { kind: "failed"; reason: string };

function Upload({ file, form }: { file: File; form: FileForm }) {
  const [state, setState] = useState<Sending>({ kind: "idle" });
  useEffect(() => setState({ kind: "idle" }), [file]);
  const start = async () => {
    const life = new AbortController();
    setState({ kind: "sending", progress: undefined, life });
    try {
      const progress = await upload({
        items: itemsOf(file, form, life.signal),
        key: await keyOf(file, form),
        credential: key.value,
        abort: life.signal,
        onProgress: (now) => setState({ kind: "sending", progress: now, life }),
      });
      setState({ kind: "done", progress });
    } catch (error) {
      if (life.signal.aborted) setState({ kind: "canceled" });
      else
        setState({
          kind: "failed",
          reason: error instanceof Error ? error.message : toSentence(error),
        });
    }
  };
  const share =
    state.kind === "sending" && file.size > 0 ? (state.progress?.bytes ?? 0) / file.size : 0;
  return (
    <div class="upload">
      {state.kind === "sending" ? (
        <>
          <progress max={1} value={share} aria-label={words.sending(percent(share))} />
          <span class="numbers">{words.sending(percent(Math.floor(share * 100) / 100))}</span>
          <button
            type="button"
            class="button"
            onClick={() => state.life.abort(new Error("canceled"))}
          >
            {words.cancel}
          </button>
        </>
      ) : (
        <button type="button" class="button primary" onClick={() => void start()}>
          {words.send}
        </button>
      )}
      <p role="status">
        {state.kind === "canceled" && words.canceled}
        {state.kind === "failed" && words.failed(state.reason)}
        {state.kind === "done" && words.done(state.progress.accepted, state.progress.rejected)}
        {state.kind === "done" &&
          state.progress.rejected > maxBadLines &&
          ` ${words.first(maxBadLines)}`}
      </p>
      {state.kind === "done" && state.progress.rejected > 0 && (
        <BadLines bad={state.progress.badLines} count={state.progress.rejected} />
      )}
    </div>
  );
}

/** The same for the same file read in the same way. */
async function keyOf(file: File, form: FileForm): Promise<string> {
  const text = JSON.stringify([file.name, file.size, file.lastModified, form]);
  if (globalThis.crypto?.subtle === undefined) return `console-${hashOf(text)}-${file.size}`;
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  const hex = Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0"));
  return `console-${hex.join("").slice(0, 32)}`;
}

/** Where the page has no cryptography, because it came over HTTP from another machine: FNV-1a. */
function hashOf(text: string): string {
  let hash = 0xcbf29ce484222325n;
  for (let i = 0; i < text.length; i++)
    hash = BigInt.asUintN(64, (hash ^ BigInt(text.charCodeAt(i))) * 0x100000001b3n);
  return hash.toString(16);
}
