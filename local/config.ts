// The settings of `npm start`.
import { setting } from "../runtime/config.ts";
import { count, oneOf, onOff, text, url } from "../runtime/config-values.ts";

/** Not 0: the parts need each other's ports, and people need the URLs. */
const fixedPort = { ...count({ min: 1, max: 65_535 }), placeholder: "PORT" };

export const localSettings = {
  httpPort: setting({
    flag: "http-port",
    env: "MILLRACE_HTTP_PORT",
    parse: fixedPort,
    default: "8080",
    doc: "port of the gateway on 127.0.0.1",
  }),
  grpcPort: setting({
    flag: "grpc-port",
    env: "MILLRACE_GRPC_PORT",
    parse: fixedPort,
    default: "50051",
    doc: "port of the accessor on 127.0.0.1",
  }),
  dataDir: setting({
    flag: "data-dir",
    env: "MILLRACE_DATA_DIR",
    parse: text({ placeholder: "DIR" }),
    optional: true,
    doc: "the data folder of PostgreSQL; default .millrace in the checkout, or a folder in /var/lib/millrace if root runs it and other users cannot read the checkout",
  }),
  machines: setting({
    flag: "machines",
    env: "MILLRACE_MACHINES",
    parse: count({ max: 10_000 }),
    default: "5",
    doc: "number of machines to simulate; 0 for none",
  }),
  seed: setting({
    flag: "seed",
    env: "MILLRACE_SEED",
    parse: count(),
    default: "1",
    doc: "seed of the simulation; the same seed gives the same signals",
  }),
  auth: setting({
    flag: "auth",
    env: "MILLRACE_AUTH",
    parse: oneOf(["off", "keys"]),
    default: "off",
    doc: "whether every call needs a key (see npx millrace keys); the simulator gets one of its own",
  }),
  databaseUrl: setting({
    env: "DATABASE_URL",
    parse: url({ schemes: ["postgres", "postgresql"] }),
    optional: true,
    doc: "use this PostgreSQL instead of the embedded one",
  }),
  quiet: setting({
    flag: "quiet",
    env: "MILLRACE_QUIET",
    parse: onOff(),
    doc: "show only warnings and errors",
  }),
};
