// The price of a kWh, which the reader types. It stays in the address.
import { parameter, setParameters } from "../address/address.ts";
import { energyWords as words } from "../english/energy.ts";
import type { Price } from "./day-table.tsx";

const defaultCurrency = "EUR";

/** Undefined: none was typed. Takes a comma for the point. */
export function readPrice(text = "", currency = ""): Price | undefined {
  const perKwh = Number(text.trim().replace(",", "."));
  return text.trim() !== "" && Number.isFinite(perKwh) && perKwh >= 0
    ? { perKwh, currency: currency === "" ? defaultCurrency : currency }
    : undefined;
}

export function PriceFields() {
  const textOf = (value: string) => (value.trim() === "" ? undefined : value);
  return (
    <>
      <input
        class="field price"
        inputMode="decimal"
        aria-label={words.price}
        placeholder={words.price}
        value={parameter("price") ?? ""}
        onInput={({ currentTarget: { value } }) => setParameters({ price: textOf(value) })}
      />
      <input
        class="field currency"
        aria-label={words.currency}
        maxLength={8}
        placeholder={defaultCurrency}
        value={parameter("currency") ?? ""}
        onInput={({ currentTarget: { value } }) => setParameters({ currency: textOf(value) })}
      />
    </>
  );
}
