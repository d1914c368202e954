// Picks the numeric signals that are compared, of those that the machines have.
import { SignalKind } from "#gen/millrace/v1/signal_pb.ts";
import { setParameters } from "../address/address.ts";
import { clients } from "../contract/clients.ts";
import { useAnswer } from "../contract/use-answer.ts";
import { compareWords as words } from "../english/compare.ts";
import { MachinePicker } from "../parts/machine-picker.tsx";

export type SignalPickerProps = { machines: readonly string[]; chosen: readonly string[] };

export function SignalPicker({ machines, chosen }: SignalPickerProps) {
  const of = clients.value.signals;
  const answer = useAnswer(
    async (abort) => {
      const { signals } = await of.listSignals({ machines: [...machines] }, { signal: abort });
      return signals.filter(({ kind }) => kind === SignalKind.NUMERIC).map(({ name }) => name);
    },
    [of, machines.join("\0")],
  );
  return (
    <MachinePicker
      label={words.signal}
      none={words.pick}
      names={answer.value ?? []}
      chosen={chosen}
      max={words.mostSignals}
      onChoose={(signal) => setParameters({ signal })}
    />
  );
}
