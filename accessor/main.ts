// Runs the accessor as a process.
import { run } from "../runtime/lifecycle.ts";
import { openCertificates } from "../runtime/tls/certificates.ts";
import { assertListenAllowed, toServerFiles } from "../runtime/tls/listening.ts";
import { openAccessor } from "./accessor.ts";
import { accessorSettings, toAuth, toCertificateRules } from "./config.ts";
import { toCallerLimits } from "./limit-settings.ts";

await run({
  name: "accessor",
  about:
    "Takes machine signals in over gRPC, keeps them in PostgreSQL, and answers and streams them.",
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
        ...settings.listen,
        auth,
        tls: certificates && { certificates, rules },
        databaseUrl: settings.databaseUrl,
        bookmarkMs: settings.bookmarkInterval,
        maxInFlightBytes: settings.maxInFlight,
        ...toCallerLimits(settings),
        beginEpoch: settings.beginEpoch,
        producers: {
          maxPerOwner: settings.maxProducers,
          idempotencyMs: settings.idempotencyWindow,
        },
        history: {
          compactMs: settings.compactInterval,
          logWindowMs: settings.logWindow,
          maxLogBytes: settings.maxLog,
          retentionMs: settings.retention,
          retain: settings.retain,
          rollupRetentionMs: settings.rollupRetention,
          maxAgeMs: settings.maxAge,
        },
        log,
      }),
    );
    const owned = stack.move();
    return { done: accessor.done, [Symbol.asyncDispose]: () => owned.disposeAsync() };
  },
});
