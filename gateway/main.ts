// The gateway's process.
import { assertListenAllowed } from "../runtime/config.ts";
import { run } from "../runtime/lifecycle.ts";
import { gatewaySettings } from "./config.ts";
import { openGateway } from "./gateway.ts";
import { toLimits } from "./limits/gateway-limits.ts";

await run({
  name: "gateway",
  about: "serves the accessor's signals as REST, SSE, Connect, gRPC-Web and gRPC on one port",
  settings: gatewaySettings,
  async open({ settings, log }) {
    assertListenAllowed(settings);
    const { listen, accessor } = settings;
    const limits = toLimits(settings);
    const gateway = await openGateway({
      host: listen.host,
      port: listen.port,
      accessorUrl: accessor,
      limits,
      corsOrigins: settings.corsOrigin,
      bodyClock: { stallMs: settings.bodyTimeout },
      log,
    });
    log.info("listening", { host: listen.host, port: gateway.port, accessor });
    return gateway;
  },
});
