// Runs the bridge from OPC UA as a process of its own.
import { run } from "../../runtime/lifecycle.ts";
import { settings } from "./config.ts";

await run({
  name: "opcua",
  about: "stores the values of an OPC UA server as signals",
  settings,
  // Its packages are needed only now: --help works without them.
  open: async (options) => (await import("./opcua.ts")).openOpcua(options),
});
