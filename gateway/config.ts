// What the gateway can be told, by flag or environment.
import { setting } from "../runtime/config.ts";
import { listenAddress, onOff, url } from "../runtime/config-values.ts";
import { origin } from "./cors.ts";
import { limitSettings } from "./limits/gateway-limits.ts";

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
  corsOrigin: setting({
    flag: "cors-origin",
    env: "MILLRACE_CORS_ORIGIN",
    parse: origin,
    repeat: true,
    doc: "an origin whose pages may ask from a browser",
  }),
  ...limitSettings,
};
