// TLS of the accessor's listener: which clients it admits, and a log of those it refuses.
import { createRefusalAudit } from "../access/audit.ts";
import type { SecureOptions } from "../runtime/grpc/secure-listener.ts";
import type { Log } from "../runtime/log.ts";
import { toAllowsClient } from "./access/certificates.ts";
import type { AccessorOptions } from "./options.ts";

export function secured({
  certificates,
  rules,
  log,
}: NonNullable<AccessorOptions["tls"]> & { log: Log }): SecureOptions {
  const audit = createRefusalAudit({
    write: (message, fields) => log.warn(message, fields),
    monotonicMs: () => performance.now(),
    what: "connection",
  });
  return {
    certificates,
    allowsClient: toAllowsClient(rules),
    onRefused: ({ reason, peer, names }) => audit({ reason, peer, principal: names?.join(", ") }),
  };
}
