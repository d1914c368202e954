// What is in view, as files and as commands.
import { useEffect, useRef, useState } from "preact/hooks";
import { toSentence } from "../contract/failure.ts";
import { curlOf } from "../contract/rest.ts";
import { session } from "../contract/session.ts";
import { exportWords as words } from "../english/exports.ts";
import { bytesText } from "../time/format.ts";
import { type ChartImage, chartImage } from "./chart-image.ts";
import { download, maxFileBytes, save } from "./download.ts";
import { HttpError } from "./http-error.ts";
import "./exports.css";

export type ExportItem = {
  /** What it is, such as "power". */
  readonly what: string;
  /** Path and parameters of REST, without a format. */
  readonly path: string;
  /** Answers with rows; otherwise with one JSON document. */
  readonly rows: boolean;
};

export type ExportMenuProps = {
  /** Asked when the menu opens, since the view moves on. */
  items: () => readonly ExportItem[];
  /** Name of the files, without an ending. */
  fileName: string;
  chart?: () => ChartImage | undefined;
  /** What the reader must know of the files. */
  note?: string | undefined;
};

type State = { text: string; busy: boolean };
const nothing: State = { text: "", busy: false };

export function ExportMenu({ items, fileName, chart, note }: ExportMenuProps) {
  const [shown, setShown] = useState<readonly ExportItem[]>();
  const [state, setState] = useState(nothing);
  const box = useRef<HTMLDivElement>(null);
  const life = useRef<AbortController>(undefined);
  const close = () => {
    life.current?.abort(new Error("the menu is closed"));
    setShown(undefined);
    setState(nothing);
  };
  useEffect(() => {
    if (shown === undefined) return;
    const outside = (event: PointerEvent) => {
      if (!box.current!.contains(event.target as Node)) close();
    };
    document.addEventListener("pointerdown", outside);
    return () => document.removeEventListener("pointerdown", outside);
  }, [shown]);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Escape" || shown === undefined) return;
    close();
    box.current!.querySelector("button")!.focus();
  };
  const run = async (work: (abort: AbortSignal) => Promise<string>) => {
    // One at a time: the file before is given up.
    life.current?.abort(new Error("another file is asked for"));
    const own = new AbortController();
    life.current = own;
    setState({ text: "", busy: true });
    try {
      const text = await work(own.signal);
      if (!own.signal.aborted) setState({ text, busy: false });
    } catch (error) {
      if (!own.signal.aborted) setState({ text: problemOf(error), busy: false });
    }
  };
  const saveRows = ({ what, path }: ExportItem, format: string) =>
    run(async (abort) => {
      const asked = `${path}${path.includes("?") ? "&" : "?"}format=${format}`;
      await download(asked, {
        name: `${fileName} ${what}.${format}`,
        abort,
        onProgress: (bytes) => {
          if (!abort.aborted) setState({ text: words.reading(bytesText(bytes)), busy: true });
        },
      });
      return "";
    });
  const saveImage = () =>
    run(async () => {
      const asked = chart?.();
      if (asked === undefined) return "";
      const address = URL.createObjectURL(await chartImage(asked));
      save(address, `${fileName}.png`);
      setTimeout(() => URL.revokeObjectURL(address), 60_000);
      return "";
    });
  const copy = ({ path }: ExportItem) =>
    run(async () => {
      const needsKey = session.value.kind === "known";
      const command = curlOf(location.origin, path, { needsKey });
      try {
        await navigator.clipboard.writeText(command);
        return words.copied;
      } catch {
        return `${words.notCopied} ${command}`;
      }
    });
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: it only closes what is open inside it.
    <div ref={box} class="picker" onKeyDown={onKeyDown}>
      <button
        type="button"
        class="button"
        aria-expanded={shown !== undefined}
        onClick={() => (shown === undefined ? setShown(items()) : close())}
      >
        {words.button} <span aria-hidden="true">▾</span>
      </button>
      {shown !== undefined && (
        <div class="picker-list export-list">
          {shown.map((item) => (
            <div key={item.path} class="export-item">
              {item.rows ? (
                ["csv", "ndjson"].map((format) => (
                  <button
                    type="button"
                    key={format}
                    class="button quiet"
                    onClick={() => saveRows(item, format)}
                  >
                    {format === "csv" ? words.csv(item.what) : words.ndjson(item.what)}
                  </button>
                ))
              ) : (
                <button type="button" class="button quiet" onClick={() => saveRows(item, "json")}>
                  {words.json(item.what)}
                </button>
              )}
              <button type="button" class="button quiet" onClick={() => copy(item)}>
                {words.curl(item.what)}
              </button>
            </div>
          ))}
          {chart && (
            <button type="button" class="button quiet" onClick={saveImage}>
              {words.png}
            </button>
          )}
          {note !== undefined && <p class="how">{note}</p>}
          <p class="how" role="status">
            {state.text}
          </p>
          {state.busy && state.text !== "" && (
            <button type="button" class="button" onClick={close}>
              {words.cancel}
            </button>
          )}
        </div>
      )}
    </div>
  );
}

function problemOf(error: unknown): string {
  if (error instanceof RangeError) return words.tooLarge(bytesText(maxFileBytes));
  return error instanceof HttpError ? error.message : toSentence(error);
}
