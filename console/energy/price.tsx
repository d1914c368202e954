// The price of a kWh, which the reader types. It stays in the address.
import { parameter, setParameters } from "../address/address.ts";
import { energyWords as words } from "../english/energy.ts";
import type { Price } from "./day-table.tsx";

const defaultCurrency = "EUR";

/** Undefined: none was typed. wrong: what was typed is no price. Takes a comma for the point. */
export function readPrice(text = "", currency = ""): Price | "wrong" | undefined {
  if (text.trim() === "") return undefined;
  const perKwh = Number(text.trim().replace(",", "."));
  return Number.isFinite(perKwh) && perKwh >= 0
    ? { perKwh, currency: currency === "" ? defaultCurrency : currency }
    : "wrong";
}

export function PriceFields({ isWrong }: { isWrong: boolean }) {
  const textOf = (value: string) => (value.trim() === "" ? undefined : value);
  return (
    <>
      <label class="price-label">
        {words.price}
        <input
          class="field price"
          inputMode="decimal"
          placeholder="0.32"
          aria-invalid={isWrong}
          aria-describedby={isWrong ? "price-wrong" : undefined}
          value={parameter("price") ?? ""}
          onInput={({ currentTarget: { value } }) => setParameters({ price: textOf(value) })}
        />
      </label>
      <input
        class="field currency"
        aria-label={words.currency}
        maxLength={8}
        placeholder={defaultCurrency}
        value={parameter("currency") ?? ""}
        onInput={({ currentTarget: { value } }) => setParameters({ currency: textOf(value) })}
      />
      {isWrong && (
        <span id="price-wrong" class="price-wrong" role="alert">
          {words.priceWrong}
        </span>
      )}
    </>
  );
}
