// Runs the accessor as a process.
import { assertListenAllowed } from "../runtime/config.ts";
import { run } from "../runtime/lifecycle.ts";
import { openAccessor } from "./accessor.ts";
import { accessorSettings, toAuth } from "./config.ts";

await run({
  name: "accessor",
  about: "Takes machine signals in over gRPC, keeps them in PostgreSQL, and answers and streams them.",
  settings: accessorSettings,
  open({ settings, log }) {
    const auth = toAuth(settings);
    assertListenAllowed({ ...settings, authenticates: auth !== undefined });
    return openAccessor({
      ...settings.listen,
      auth,
      databaseUrl: settings.databaseUrl,
      bookmarkMs: settings.bookmarkInterval,
      maxInFlightBytes: settings.maxInFlight,
      beginEpoch: settings.beginEpoch,
      history: {
        compactMs: settings.compactInterval,
        logWindowMs: settings.logWindow,
        maxLogBytes: settings.maxLog,
        retentionMs: settings.retention,
        retain: settings.retain,
        rollupRetentionMs: settings.rollupRetention,
      },
      log,
    });
  },
});
