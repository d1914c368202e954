// The gateway's process.
import { fileURLToPath } from "node:url";
import { ConfigError } from "../runtime/config.ts";
import { run } from "../runtime/lifecycle.ts";
import { openCertificates } from "../runtime/tls/certificates.ts";
import { toClientFiles } from "../runtime/tls/dialing.ts";
import { assertListenAllowed, isLoopbackHost, toServerFiles } from "../runtime/tls/listening.ts";
import { gatewaySettings } from "./config.ts";
import { openGateway } from "./gateway.ts";
import { toLimits } from "./limits/limit-settings.ts";
import { toLineMapping } from "./line/line-settings.ts";

/** Where npm run console:build writes. */
const builtHere = fileURLToPath(new URL("../console/dist", import.meta.url));

await run({
  name: "gateway",
  about: "serves the accessor's signals as REST, SSE, Connect, gRPC-Web and gRPC on one port",
  settings: gatewaySettings,
  async open({ settings, log, onHangup }) {
    // Only the accessor's answer shows whether it requires credentials: until then, and if it does
    // not, every request is refused.
    assertListenAllowed(settings, { authenticates: true });
    const { listen, accessor } = settings;
    const files = toServerFiles(settings);
    if (settings.hstsMs !== undefined && files === undefined)
      throw new ConfigError(["--hsts needs --tls-cert"]);
    const clientFiles = toClientFiles("accessor", { ...settings, url: accessor });
    const mustAuthenticate =
      !isLoopbackHost(listen.host) &&
      files?.ca === undefined &&
      !settings.listenWithoutAuthentication;
    const limits = toLimits(settings);
    await using stack = new AsyncDisposableStack();
    const certificates = files && stack.use(await openCertificates(files, { log }));
    const accessorCertificates =
      clientFiles && stack.use(await openCertificates(clientFiles, { log }));
    for (const one of [certificates, accessorCertificates])
      if (one) onHangup(() => void one.reload());
    const gateway = stack.use(
      await openGateway({
        host: listen.host,
        port: listen.port,
        accessorUrl: accessor,
        accessorCertificates,
        certificates,
        hstsMs: settings.hstsMs,
        mustAuthenticate,
        limits,
        corsOrigins: settings.corsOrigins,
        allowedHosts: settings.allowedHosts,
        consoleDir: settings.consoleDir ?? builtHere,
        cacheBytes: settings.cacheBytes,
        lineMapping: toLineMapping(settings),
        bodyDeadlines: { bodyTimeoutMs: settings.bodyTimeoutMs },
        readerDeadlines: { readerTimeoutMs: settings.readerTimeoutMs },
        log,
      }),
    );
    const owned = stack.move();
    log.info("listening", {
      host: listen.host,
      port: gateway.port,
      tls: certificates !== undefined,
      accessor,
    });
    return { [Symbol.asyncDispose]: () => owned.disposeAsync() };
  },
});
