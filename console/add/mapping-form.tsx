// What each column of a file means, which the reader may change.
import { fileWords as words } from "../english/add.ts";
import { Wide } from "../parts/wide.tsx";
import { type Role, singleRoles } from "./file/columns.ts";
import { type EpochUnit, epochUnits, type FileMapping } from "./file/map-record.ts";

export type MappingFormProps = { mapping: FileMapping; onChange: (mapping: FileMapping) => void };

const roles: readonly Role[] = [...singleRoles, "sample", "ignore"];

export function MappingForm({ mapping, onChange }: MappingFormProps) {
  const { columns } = mapping;
  const change = (at: number, changes: Partial<FileMapping["columns"][number]>) =>
    onChange({
      ...mapping,
      columns: columns.map((column, i) => {
        if (i === at) return { ...column, ...changes };
        // There is one time, one machine and so on.
        const isTaken =
          changes.role === column.role && changes.role !== "sample" && changes.role !== "ignore";
        return isTaken ? { ...column, role: "ignore" as const } : column;
      }),
    });
  return (
    <>
      <Wide label={words.role}>
        <table class="grid-table" aria-label={words.role}>
          <thead>
            <tr>
              <th scope="col">{words.column}</th>
              <th scope="col">{words.role}</th>
              <th scope="col">{words.signal}</th>
              <th scope="col">{words.unit}</th>
            </tr>
          </thead>
          <tbody>
            {columns.map(({ header, role, signal, unit }, at) => (
              <tr key={`${at}`}>
                <th scope="row">{header}</th>
                <td>
                  <select
                    class="field"
                    aria-label={`${words.role}: ${header}`}
                    value={role}
                    onChange={({ currentTarget: { value } }) => change(at, { role: value as Role })}
                  >
                    {roles.map((one) => (
                      <option key={one} value={one}>
                        {words.roles[one]}
                      </option>
                    ))}
                  </select>
                </td>
                <td>
                  {role === "sample" && (
                    <input
                      class="field"
                      aria-label={`${words.signal}: ${header}`}
                      value={signal}
                      onInput={({ currentTarget: { value } }) => change(at, { signal: value })}
                    />
                  )}
                </td>
                <td>
                  {role === "sample" && (
                    <input
                      class="field unit-field"
                      aria-label={`${words.unit}: ${header}`}
                      value={unit}
                      onInput={({ currentTarget: { value } }) => change(at, { unit: value })}
                    />
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Wide>
      <div class="toolbar add-defaults">
        <label class="add-field">
          <span class="soft">{words.machine}</span>
          <input
            class="field"
            value={mapping.machine}
            onInput={({ currentTarget: { value } }) => onChange({ ...mapping, machine: value })}
          />
        </label>
        <label class="add-field">
          <span class="soft">{words.oneSignal}</span>
          <input
            class="field"
            value={mapping.signal}
            onInput={({ currentTarget: { value } }) => onChange({ ...mapping, signal: value })}
          />
        </label>
        <label class="add-field">
          <span class="soft">{words.epoch}</span>
          <select
            class="field"
            value={mapping.epoch ?? ""}
            onChange={({ currentTarget: { value } }) =>
              onChange({ ...mapping, epoch: value === "" ? undefined : (value as EpochUnit) })
            }
          >
            {(["", ...epochUnits] as const)
              .filter((unit) => unit !== "ms")
              .map((unit) => (
                <option key={unit} value={unit}>
                  {words.epochs[unit]}
                </option>
              ))}
          </select>
        </label>
        <label class="add-field">
          <span class="soft">{words.decimal}</span>
          <select
            class="field"
            value={mapping.decimalComma ? "comma" : "point"}
            onChange={({ currentTarget: { value } }) =>
              onChange({ ...mapping, decimalComma: value === "comma" })
            }
          >
            <option value="point">{words.decimals.point}</option>
            <option value="comma">{words.decimals.comma}</option>
          </select>
        </label>
      </div>
      <p class="how">{words.zone}</p>
    </>
  );
}
