// The settings of the gateway, by flag or environment.
import { setting } from "../runtime/config.ts";
import { bytes, durationMs, listenAddress, text, url } from "../runtime/config-values.ts";
import { dialingSettings } from "../runtime/tls/dialing.ts";
import { listeningSettings } from "../runtime/tls/listening.ts";
import { hostName } from "./admission/allowed-hosts.ts";
import { origin } from "./admission/cors.ts";
import { limitSettings } from "./limits/limit-settings.ts";
import { lineSettings } from "./line/line-settings.ts";

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
    parse: url({ schemes: ["http", "https"] }),
    default: "http://127.0.0.1:50051",
    doc: "the accessor to forward to",
  }),
  ...dialingSettings("accessor"),
  ...listeningSettings,
  hstsMs: setting({
    flag: "hsts",
    env: "MILLRACE_HSTS",
    parse: durationMs({ minMs: 1_000 }),
    optional: true,
    doc: "with --tls-cert, tell browsers to use only TLS for this host name, on any port, for this long",
  }),
  cacheBytes: setting({
    flag: "cache-bytes",
    env: "MILLRACE_CACHE_BYTES",
    parse: bytes(),
    default: "64MiB",
    doc: "maximum bytes of cached responses; 0 for no cache",
  }),
  consoleDir: setting({
    flag: "console",
    env: "MILLRACE_CONSOLE_DIR",
    parse: text({ placeholder: "DIR" }),
    optional: true,
    doc: "folder of the built console; default console/dist in the checkout",
  }),
  corsOrigins: setting({
    flag: "cors-origin",
    env: "MILLRACE_CORS_ORIGIN",
    parse: origin,
    repeat: true,
    doc: "an origin whose pages may call the gateway from a browser",
  }),
  allowedHosts: setting({
    flag: "allowed-host",
    env: "MILLRACE_ALLOWED_HOST",
    parse: hostName,
    repeat: true,
    doc: "a host name that requests may use besides localhost, 127.0.0.1 and [::1]; others are refused",
  }),
  ...lineSettings,
  ...limitSettings,
};
