// The mark of a state or a severity: colour, shape and word together, never a colour alone.
import { MachineState, type Severity } from "#gen/millrace/v1/signal_pb.ts";
import { severityWords, silentWord, stateWords } from "../english/frame.ts";
import { type LookName, lookOfSeverity, lookOfState, shapeOf } from "../look/state-look.ts";

/** The shape alone, for where the word stands beside it. */
export function Shape({ look }: { look: LookName }) {
  return (
    <svg width="12" height="12" viewBox="0 0 12 12" aria-hidden="true">
      <path
        d={shapeOf[look]}
        fill={`var(--${look === "unknown" ? "unknown-text" : look})`}
        fill-rule="evenodd"
      />
    </svg>
  );
}

function Mark({ look, word, rest }: { look: LookName; word: string; rest?: string | undefined }) {
  return (
    <span class="mark numbers" style={{ color: `var(--${look}-text)` }}>
      <Shape look={look} />
      {rest === undefined ? word : `${word} · ${rest}`}
    </span>
  );
}

export type StateMarkProps = {
  state: MachineState;
  /** The machine has been silent: its last state may not be true any more. */
  silent?: boolean;
  /** After the word, such as how long. */
  rest?: string | undefined;
};

export function StateMark({ state, silent = false, rest }: StateMarkProps) {
  const look = silent ? "silent" : (lookOfState[state] ?? "unknown");
  return (
    <Mark
      look={look}
      word={silent ? silentWord : (stateWords[state] ?? stateWords[MachineState.UNSPECIFIED])}
      rest={rest}
    />
  );
}

export function SeverityMark({ severity }: { severity: Severity }) {
  return <Mark look={lookOfSeverity[severity] ?? "unknown"} word={severityWords[severity] ?? ""} />;
}

/** The states, in the order in which views show them: what needs attention first. */
export const statesInOrder: readonly MachineState[] = [
  MachineState.FAULT,
  MachineState.UNSPECIFIED,
  MachineState.ACTIVE,
  MachineState.IDLE,
  MachineState.OFF,
];
