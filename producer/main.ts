// Runs the producer as a process of its own.
import { run } from "../runtime/lifecycle.ts";
import { settings } from "./config.ts";
import { openDryRun } from "./dry-run.ts";
import { openProducer } from "./producer.ts";

await run({
  name: "producer",
  about: "sends signals of simulated or recorded machines to the accessor",
  settings,
  open: (options) => (options.settings.dryRun ? openDryRun(options) : openProducer(options)),
});
