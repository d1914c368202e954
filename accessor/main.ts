// Runs the accessor as a process.
import { run } from "../runtime/lifecycle.ts";
import { openCertificates } from "../runtime/tls/certificates.ts";
import { assertListenAllowed, toServerFiles } from "../runtime/tls/listening.ts";
import { openAccessor } from "./accessor.ts";
import { accessorSettings, toAuth, toCertificateRules } from "./config.ts";

await run({
  name: "accessor",
  about:
    "Ingests machine signals over gRPC, stores them in PostgreSQL, and serves them as queries and live feeds.",
  settings: accessorSettings,
  async open({ settings, log, onHangup }) {
    const auth = toAuth(settings);
    const files = toServerFiles(settings);
    const rules = toCertificateRules(settings);
    assertListenAllowed(settings, { authenticates: auth !== undefined });
    await using stack = new AsyncDisposableStack();
    const certificates = files && stack.use(await openCertificates(files, { log }));
    if (certificates) onHangup(() => void certificates.reload());
    const accessor = stack.use(
      await openAccessor({
        ...settings,
        ...settings.listen,
        auth,
        tls: certificates && { certificates, rules },
        producers: settings,
        history: settings,
        log,
      }),
    );
    const owned = stack.move();
    return { done: accessor.done, [Symbol.asyncDispose]: () => owned.disposeAsync() };
  },
});
