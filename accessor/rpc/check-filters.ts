// Filters of queries that apply to some signals only.
import { SignalKind } from "#gen/millrace/v1/signal_pb.ts";
import { Failure } from "../domain/failure.ts";

type Filters = { severities: boolean; codePrefix: string; states: boolean };

/** Throws REQUEST_INVALID for a filter that signals of this kind do not have. */
export function checkFilters(kind: SignalKind, { severities, codePrefix, states }: Filters): void {
  const rules = [
    {
      field: "states",
      broken: states && kind !== SignalKind.STATE,
      description: 'is only allowed with signal "state"',
    },
    {
      field: "severities",
      broken: severities && kind !== SignalKind.EVENT,
      description: 'is only allowed with signal "error"',
    },
    {
      field: "code_prefix",
      broken: codePrefix !== "" && kind !== SignalKind.EVENT,
      description: 'is only allowed with signal "error"',
    },
    {
      field: "code_prefix",
      broken: codePrefix.includes("\0"),
      description: "contains U+0000, which no code contains",
    },
  ];
  const wrong = rules.find(({ broken }) => broken);
  if (wrong === undefined) return;
  const { field, description } = wrong;
  throw new Failure("REQUEST_INVALID", `${field} ${description}`, {
    violations: [{ field, description }],
    metadata: { field },
  });
}
