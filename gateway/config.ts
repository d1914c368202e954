// The gateway's settings, and the rule that it shows itself to this machine only unless told otherwise by name.
import { isIP } from "node:net";
import { ConfigError, type SettingsOf, setting } from "../runtime/config.ts";
import { listenAddress, onOff, url } from "../runtime/config-values.ts";

export const gatewaySettings = {
  listen: setting({
    flag: "listen",
    env: "MILLRACE_HTTP_LISTEN",
    parse: listenAddress(),
    default: "127.0.0.1:8080",
    doc: "where to serve HTTP/1.1 and HTTP/2; port 0 for any free one",
  }),
  accessor: setting({
    flag: "accessor",
    env: "MILLRACE_ACCESSOR",
    parse: url({ schemes: ["http"] }),
    default: "http://127.0.0.1:50051",
    doc: "the accessor to forward to",
  }),
  insecureListen: setting({
    flag: "insecure-listen",
    env: "MILLRACE_INSECURE_LISTEN",
    parse: onOff(),
    doc: "serve beyond this machine, to anyone and without encryption",
  }),
};

export type GatewaySettings = SettingsOf<typeof gatewaySettings>;

/** Throws ConfigError if the address can be reached from another machine and nobody has said that this is meant. */
export function assertListenAllowed({ listen, insecureListen }: Pick<GatewaySettings, "listen" | "insecureListen">) {
  if (insecureListen || isLoopback(listen.host)) return;
  throw new ConfigError([
    `--listen: ${listen.host} can be reached from other machines, and the gateway has no authentication and no encryption: ` +
      "listen on 127.0.0.1 behind a proxy that has them, or accept it with --insecure-listen (MILLRACE_INSECURE_LISTEN=true)",
  ]);
}

function isLoopback(host: string): boolean {
  if (isIP(host) === 4) return host.startsWith("127.");
  return host === "localhost" || host === "::1";
}
