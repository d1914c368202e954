// Picks some of many names: a button that opens a list of check boxes with a filter.
import { useEffect, useRef, useState } from "preact/hooks";
import { pickerWords as words } from "../english/frame.ts";

export type MachinePickerProps = {
  label: string;
  /** What the button says while none is chosen. */
  none: string;
  names: readonly string[];
  chosen: readonly string[];
  onChoose: (names: readonly string[]) => void;
  /** Most that may be chosen; default: any number. */
  max?: number;
};

/** Longer lists ask for a filter. */
const maxListed = 200;

export function MachinePicker({ label, none, names, chosen, onChoose, max }: MachinePickerProps) {
  const [isOpen, setOpen] = useState(false);
  const [text, setText] = useState("");
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!isOpen) return;
    const close = (event: PointerEvent) => {
      if (!box.current!.contains(event.target as Node)) setOpen(false);
    };
    document.addEventListener("pointerdown", close);
    return () => document.removeEventListener("pointerdown", close);
  }, [isOpen]);
  const wanted = text.trim().toLowerCase();
  // A chosen name that is not known any more stays visible.
  const all = [...chosen.filter((name) => !names.includes(name)), ...names];
  const found = all.filter((name) => name.toLowerCase().includes(wanted));
  const isFull = max !== undefined && chosen.length >= max;
  const said =
    chosen.length === 0 ? none : chosen.length <= 2 ? chosen.join(", ") : words.some(chosen.length);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Escape") return;
    setOpen(false);
    box.current!.querySelector("button")!.focus();
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: it only closes what is open inside it.
    <div ref={box} class="picker" onKeyDown={onKeyDown}>
      <button type="button" class="button" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        <span class="soft">{label}</span> {said} <span aria-hidden="true">▾</span>
      </button>
      {isOpen && (
        <div class="picker-list">
          <input
            class="field"
            type="search"
            aria-label={words.filter}
            placeholder={words.filter}
            value={text}
            onInput={({ currentTarget: { value } }) => setText(value)}
          />
          <ul>
            {found.slice(0, maxListed).map((name) => (
              <li key={name}>
                <label>
                  <input
                    type="checkbox"
                    checked={chosen.includes(name)}
                    disabled={isFull && !chosen.includes(name)}
                    onChange={({ currentTarget: { checked } }) =>
                      onChoose(checked ? [...chosen, name] : chosen.filter((one) => one !== name))
                    }
                  />
                  {name}
                </label>
              </li>
            ))}
          </ul>
          {found.length > maxListed && <p class="how">{words.more(found.length - maxListed)}</p>}
          {found.length === 0 && <p class="how">{words.nothing}</p>}
          {isFull && <p class="how">{words.full(max)}</p>}
          {chosen.length > 0 && (
            <button type="button" class="button quiet" onClick={() => onChoose([])}>
              {words.clear}
            </button>
          )}
        </div>
      )}
    </div>
  );
}
