// Sends a file's rows, with a bar that shows how far it is, and says what was stored and what not.
import { useEffect, useState } from "preact/hooks";
import { toSentence } from "../contract/failure.ts";
import { key } from "../contract/session.ts";
import { fileWords as words } from "../english/add.ts";
import { percent } from "../time/format.ts";
import { BadLines } from "./bad-lines.tsx";
import { type FileForm, itemsOf } from "./file/read-mapped.ts";
import { maxBadLines, type UploadProgress, upload } from "./file/upload.ts";

type Sending =
  | { kind: "idle" | "canceled" }
  | { kind: "sending"; progress: UploadProgress | undefined; life: AbortController }
  | { kind: "done"; progress: UploadProgress }
  | { kind: "failed"; reason: string };

export type UploadFormProps = {
  file: File;
  form: FileForm;
  /** Called with the machines that the rows name, as they are sent. */
  onMachines: (names: readonly string[]) => void;
};

export function UploadForm({ file, form, onMachines }: UploadFormProps) {
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
        onProgress: (now) => {
          setState({ kind: "sending", progress: now, life });
          if (now.machines.length > 0) onMachines(now.machines);
        },
      });
      setState({ kind: "done", progress });
    } catch (error) {
      if (life.signal.aborted) setState({ kind: "canceled" });
      else
        setState({
          kind: "failed",
          reason: reasonOf(error),
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

function reasonOf(error: unknown): string {
  // The file was changed, moved or deleted after it was chosen.
  if (error instanceof DOMException && error.name === "NotReadableError") return words.unreadable;
  return error instanceof Error ? error.message : toSentence(error);
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
