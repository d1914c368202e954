// Picks the range in view: presets that move on with now, typed times, and back to live.
import { useEffect, useState } from "preact/hooks";
import { parameter, setParameters } from "../address/address.ts";
import { range, resolveRange, showLive } from "../address/range.ts";
import { frame as frameWords, rangeWords as words } from "../english/frame.ts";

export type RangePickerProps = {
  /** Presets to offer; default all. */
  presets?: readonly string[];
  /** The start of the range where the address names none. */
  defaultFrom?: string;
};

export function RangePicker({
  presets = Object.keys(words.presets),
  defaultFrom,
}: RangePickerProps) {
  const { to } = range.value;
  const from = parameter("from") ?? defaultFrom ?? range.value.from;
  const [typed, setTyped] = useState({ from, to: to ?? "" });
  const [isWrong, setWrong] = useState(false);
  useEffect(() => {
    setTyped({ from, to: to ?? "" });
    setWrong(false);
  }, [from, to]);
  const live = to === undefined;
  const submit = (event: Event) => {
    event.preventDefault();
    const next = {
      from: typed.from.trim(),
      to: typed.to.trim() === "" ? undefined : typed.to.trim(),
    };
    const isRange = resolveRange(next, Date.now() * 1000) !== undefined;
    setWrong(!isRange);
    if (isRange) setParameters(next, { push: true });
  };
  return (
    <form class="toolbar range-picker" aria-label={words.title} onSubmit={submit}>
      {presets.map((preset) => (
        <button
          type="button"
          key={preset}
          class="button quiet"
          aria-pressed={live && from === preset}
          onClick={() => showLive(preset)}
        >
          {words.presets[preset] ?? preset}
        </button>
      ))}
      <label>
        <span class="hidden-text">{frameWords.from}</span>
        <input
          class="field range-field"
          title={words.typed}
          aria-invalid={isWrong}
          value={typed.from}
          onInput={({ currentTarget: { value } }) => setTyped({ ...typed, from: value })}
        />
      </label>
      <span aria-hidden="true">–</span>
      <label>
        <span class="hidden-text">{frameWords.to}</span>
        <input
          class="field range-field"
          title={words.typed}
          placeholder="now"
          aria-invalid={isWrong}
          value={typed.to}
          onInput={({ currentTarget: { value } }) => setTyped({ ...typed, to: value })}
        />
      </label>
      <button type="submit" class="button">
        {frameWords.apply}
      </button>
      <button
        type="button"
        class="button"
        disabled={live}
        onClick={() => showLive(from.startsWith("-") ? from : undefined)}
      >
        {frameWords.backToLive}
      </button>
      {isWrong && (
        <p class="range-wrong" role="alert">
          {words.invalid}
        </p>
      )}
    </form>
  );
}
