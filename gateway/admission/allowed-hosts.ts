// Which host names the gateway answers to. A page whose name was made to resolve to 127.0.0.1 (DNS
// rebinding) sends that name, and is refused.
import { isIPv4 } from "node:net";
import { Code, ConnectError } from "@connectrpc/connect";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { createRefusalAudit } from "../../access/audit.ts";
import type { ValueReader } from "../../runtime/config-values.ts";
import type { Log } from "../../runtime/log.ts";
import { reasonError } from "../errors/reasons.ts";
import { refuseCall } from "../errors/rpc-response.ts";
import { hostOf } from "../http/request-target.ts";

/** A name as in the Host header, without a port. */
export const hostName: ValueReader<string> = {
  placeholder: "NAME",
  expects: "a host name or address without a port, such as plant.example or [fd00::1]",
  read(value) {
    const name = value.toLowerCase();
    return /^[\w-]+(?:\.[\w-]+)*$|^\[[\da-f:.]+\]$/.test(name) && name.length <= 253
      ? name
      : undefined;
  },
};

export type AllowedHostsOptions = {
  /** Names besides those of this machine. */
  names: readonly string[];
  /**
   * Whether names must be checked: authentication is off, so a page in a browser on this machine
   * would be admitted too.
   */
  isAuthenticationOff: () => Promise<boolean>;
  /** Decides only if no names are configured. */
  listensOnLoopback: boolean;
  log: Log;
};

/**
 * Refuses requests with other host names than allowed: always if names are configured; otherwise on
 * loopback, and only while the accessor requires no credential, since a page has none.
 */
export function allowHosts(app: FastifyInstance, options: AllowedHostsOptions): void {
  const { names, isAuthenticationOff, listensOnLoopback, log } = options;
  if (names.length === 0 && !listensOnLoopback) return;
  const known = new Set(["localhost", "[::1]", ...names]);
  const isKnown = (host: string) => known.has(host) || (isIPv4(host) && host.startsWith("127."));
  const audit = createRefusalAudit({
    write: (message, fields) => log.warn(message, fields),
    monotonicMs: () => performance.now(),
  });
  const check = async ({ raw, socket, routeOptions }: FastifyRequest) => {
    const host = hostOf(raw);
    if (host === undefined || isKnown(host)) return;
    if (names.length === 0 && !(await isAuthenticationOff())) return;
    audit({
      reason: "HOST_NOT_ALLOWED",
      peer: socket.remoteAddress,
      ...methodOf(routeOptions.config?.rpcPath),
    });
    throw hostNotAllowed(host);
  };
  app.addHook("onRequest", async (request, reply) => {
    try {
      await check(request);
    } catch (error) {
      if (!request.routeOptions.config?.isRpc) throw error;
      await refuseCall(ConnectError.from(error), request, reply);
    }
  });
}

const methodOf = (method: string | undefined) => (method === undefined ? {} : { method });

function hostNotAllowed(host: string): ConnectError {
  const shown = host.slice(0, 80);
  const message =
    `the gateway does not answer requests to the host ${JSON.stringify(shown)}: use 127.0.0.1 or localhost, ` +
    "or start the gateway with --allowed-host NAME (MILLRACE_ALLOWED_HOST)";
  return reasonError("PERMISSION_DENIED", Code.PermissionDenied, message, {
    metadata: { host: shown, setting: "--allowed-host" },
  });
}
