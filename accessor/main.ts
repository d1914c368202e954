// Runs the accessor as a process.
import { run } from "../runtime/lifecycle.ts";
import { openAccessor } from "./accessor.ts";
import { accessorSettings } from "./config.ts";

await run({
  name: "accessor",
  about: "Takes machine signals in over gRPC, keeps them in PostgreSQL, and answers and streams them.",
  settings: accessorSettings,
  open: ({ settings: { listen, databaseUrl, bookmarkInterval, maxInFlight }, log }) =>
    openAccessor({ ...listen, databaseUrl, bookmarkMs: bookmarkInterval, maxInFlightBytes: maxInFlight, log }),
});
