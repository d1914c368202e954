// The filters of the errors' view. All of them are in the address.
import { setParameters } from "../address/address.ts";
import { clients } from "../contract/clients.ts";
import { readMachineNames } from "../contract/machine-names.ts";
import { useAnswer } from "../contract/use-answer.ts";
import { errorsWords as words } from "../english/errors.ts";
import { MachinePicker } from "../parts/machine-picker.tsx";
import { SeverityMark } from "../parts/marks.tsx";
import { type ErrorFilter, isFiltered, severities } from "./error-filter.ts";

export function FilterBar({ filter }: { filter: ErrorFilter }) {
  const of = clients.value.signals;
  const names = useAnswer((abort) => readMachineNames(of, abort), [of], { everyMs: 60_000 });
  const textOf = (value: string) => (value === "" ? undefined : value);
  return (
    <div class="toolbar">
      <MachinePicker
        label={words.machine}
        none={words.allMachines}
        names={names.value ?? []}
        chosen={filter.machines}
        onChoose={(machine) => setParameters({ machine })}
      />
      <fieldset class="choices">
        <legend class="hidden-text">{words.severity}</legend>
        {severities.map(([name, severity]) => {
          const isOn = filter.severities.includes(severity);
          return (
            <button
              type="button"
              key={name}
              class="button"
              aria-pressed={isOn}
              onClick={() =>
                setParameters({
                  severity: severities
                    .filter(([, one]) => filter.severities.includes(one) !== (one === severity))
                    .map(([one]) => one),
                })
              }
            >
              <SeverityMark severity={severity} />
            </button>
          );
        })}
      </fieldset>
      <input
        class="field"
        type="search"
        aria-label={words.code}
        placeholder={words.code}
        value={filter.code === "" ? filter.codePrefix : filter.code}
        onInput={({ currentTarget: { value } }) =>
          setParameters({ code: undefined, code_prefix: textOf(value) })
        }
      />
      <input
        class="field"
        type="search"
        aria-label={words.text}
        placeholder={words.text}
        value={filter.text}
        onInput={({ currentTarget: { value } }) => setParameters({ text: textOf(value) })}
      />
      {isFiltered(filter) && (
        <button
          type="button"
          class="button quiet"
          onClick={() =>
            setParameters({
              machine: undefined,
              severity: undefined,
              code: undefined,
              code_prefix: undefined,
              text: undefined,
            })
          }
        >
          {words.clear}
        </button>
      )}
    </div>
  );
}
