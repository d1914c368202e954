// Picks the numeric signal that is compared, of those that the machines have.
import { SignalKind } from "#gen/millrace/v1/signal_pb.ts";
import { setParameters } from "../address/address.ts";
import { clients } from "../contract/clients.ts";
import { useAnswer } from "../contract/use-answer.ts";
import { compareWords as words } from "../english/compare.ts";

export function SignalPicker({
  machines,
  chosen,
}: {
  machines: readonly string[];
  chosen: string;
}) {
  const of = clients.value.signals;
  const answer = useAnswer(
    async (abort) => {
      const { signals } = await of.listSignals({ machines: [...machines] }, { signal: abort });
      return signals.filter(({ kind }) => kind === SignalKind.NUMERIC).map(({ name }) => name);
    },
    [of, machines.join("\0")],
  );
  const names = answer.value ?? [];
  return (
    <label class="toolbar">
      <span class="soft">{words.signal}</span>
      <select
        class="field"
        value={chosen}
        onChange={({ currentTarget: { value } }) => setParameters({ signal: value })}
      >
        {(names.includes(chosen) ? names : [chosen, ...names]).map((name) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}
