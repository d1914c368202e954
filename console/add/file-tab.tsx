// A file of rows: what it is, what its columns mean, how the first rows will be stored, and the
// upload.
import { useRef, useState } from "preact/hooks";
import { fileWords as words } from "../english/add.ts";
import { type FileLook, lookAtFile } from "./file/look-at-file.ts";
import type { FileMapping } from "./file/map-record.ts";
import type { FileForm } from "./file/read-mapped.ts";
import { FilePreview } from "./file-preview.tsx";
import { MappingForm } from "./mapping-form.tsx";
import { UploadForm } from "./upload-form.tsx";

export type FileTabProps = {
  machine: string;
  signal: string;
  /** Called with the machines that the file names, as far as it has been read. */
  onMachines: (names: readonly string[]) => void;
};

export function FileTab({ machine, signal, onMachines }: FileTabProps) {
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
  if (file === undefined || look === undefined || (look.kind !== "csv" && look.kind !== "ndjson"))
    return (
      <>
        <DropBox onFile={(next) => void take(next)} />
        {look !== undefined && look.kind !== "csv" && look.kind !== "ndjson" && (
          <p role="alert">{words[look.kind]}</p>
        )}
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
        <button
          type="button"
          class="button"
          onClick={() => {
            setFile(undefined);
            setLook(undefined);
          }}
        >
          {words.another}
        </button>
      </p>
      {look.kind === "csv" && mapping && <MappingForm mapping={mapping} onChange={setMapping} />}
      {form && <FilePreview file={file} form={form} onMachines={onMachines} />}
      {form && <UploadForm file={file} form={form} onMachines={onMachines} />}
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
