// Chooses the machines of the tiles by label: a list of values for each key.
import { parameters, setParameters } from "../address/address.ts";
import type { Description } from "../contract/descriptions.ts";
import { fleetWords as words } from "../english/fleet.ts";
import { labelChoices, toChosen, withChoice } from "./labels.ts";

export function LabelFilter({ descriptions }: { descriptions: ReadonlyMap<string, Description> }) {
  const texts = parameters("label");
  const chosen = toChosen(texts);
  const choices = labelChoices(descriptions);
  return (
    <>
      {choices.map(({ key, values }) => (
        <select
          key={key}
          class="field label-choice"
          aria-label={words.byLabel(key)}
          value={chosen.get(key) ?? ""}
          onChange={({ currentTarget: { value } }) =>
            setParameters({ label: withChoice(texts, { key, value }) })
          }
        >
          <option value="">{words.anyOf(key)}</option>
          {values.map((value) => (
            <option key={value} value={value}>
              {words.label(key, value)}
            </option>
          ))}
        </select>
      ))}
    </>
  );
}
