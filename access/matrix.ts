// What each RPC requires: the one table, for the accessor and the gateway. A method that is not in
// it is refused for every caller.
import { hasScope, type Principal, type Scope } from "./principal.ts";

/** none: nothing, not even a look at the credential. any: a valid credential of any kind. */
export type Requirement = "none" | "any" | Scope;

const matrix: Readonly<Record<string, Requirement>> = {
  "/millrace.v1.SignalService/ListMachines": "read",
  "/millrace.v1.SignalService/ListSignals": "read",
  "/millrace.v1.SignalService/QuerySignals": "read",
  "/millrace.v1.SignalService/ReadSignals": "read",
  "/millrace.v1.SignalService/GetLatest": "read",
  "/millrace.v1.SignalService/AggregateSamples": "read",
  "/millrace.v1.SignalService/SummarizeMachines": "read",
  "/millrace.v1.SignalService/AggregateStates": "read",
  "/millrace.v1.SignalService/ListStateIntervals": "read",
  "/millrace.v1.SignalService/GetVersion": "read",
  "/millrace.v1.SignalService/WatchSignals": "live",
  "/millrace.v1.IngestService/Ingest": "write",
  "/millrace.v1.IngestService/IngestBatch": "write",
  "/millrace.v1.IngestService/IngestBatches": "write",
  "/millrace.v1.IngestService/RedeclareSignal": "admin",
  "/millrace.v1.MachineService/GetMachine": "read",
  "/millrace.v1.MachineService/UpdateMachine": "admin",
  "/millrace.v1.AccessService/WhoAmI": "any",
  "/millrace.v1.StatusService/GetStatus": "read",
  "/grpc.health.v1.Health/Check": "none",
  "/grpc.health.v1.Health/List": "none",
  "/grpc.health.v1.Health/Watch": "none",
  "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo": "any",
  "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": "any",
};

/** Paths that the gateway answers itself and that not everyone may see. */
const gatewayOwn: Readonly<Record<string, Requirement>> = { "/metrics": "admin" };

/** The methods of the table, as paths: "/package.Service/Method". */
export const listedMethods: readonly string[] = Object.keys(matrix);

/** How the table names a method. */
export const pathOf = ({ parent, name }: { parent: { typeName: string }; name: string }): string =>
  `/${parent.typeName}/${name}`;

/** undefined: not in the table. */
export const requirementOf = (path: string): Requirement | undefined =>
  [matrix, gatewayOwn].find((table) => Object.hasOwn(table, path))?.[path];

export type Denial = {
  reason: "UNAUTHENTICATED" | "PERMISSION_DENIED";
  message: string;
  metadata: Record<string, string>;
};

/** Whether a principal may call a method, and if not, why. */
export function allowsCall(principal: Principal, path: string): Denial | undefined {
  const needed = requirementOf(path);
  if (needed === "none" || needed === "any") return undefined;
  if (needed === undefined) return denied(`${path} is not a known method`, {});
  if (hasScope(principal, needed)) return undefined;
  return denied(`this needs the scope "${needed}", which the credential does not have`, {
    scope: needed,
  });
}

function denied(message: string, metadata: Record<string, string>): Denial {
  return { reason: "PERMISSION_DENIED", message, metadata };
}

/**
 * For a call without a credential, and for one with an invalid credential: the answer does not say
 * whether it is unknown, expired or revoked.
 */
export function unauthenticated(presented: boolean): Denial {
  const message = presented
    ? "the credential is not valid: unknown, expired or revoked"
    : "a credential is required: send a key or token as Authorization: Bearer …, or a key as x-api-key";
  return { reason: "UNAUTHENTICATED", message, metadata: {} };
}
