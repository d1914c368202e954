// Runs the bridge as a process of its own.
import { run } from "../runtime/lifecycle.ts";
import { openBridge } from "./bridge.ts";
import { settings } from "./config.ts";

await run({
  name: "bridge",
  about: "stores the messages of an MQTT broker as signals",
  settings,
  open: openBridge,
});
