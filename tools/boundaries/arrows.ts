// Which rooms may import which: the table behind docs/architecture.md. An arrow that no file uses
// is a fault, and so is a missing one.

/**
 * `to` lists the rooms whose files a room may import besides its own, `packages` those of npm.
 * Node's own modules are open to all.
 */
export type Room = { readonly to: readonly string[]; readonly packages: readonly string[] };

const protobuf = ["@bufbuild/protobuf", "@connectrpc/connect"];
const any = ["*"];

export const rooms: Readonly<Record<string, Room>> = {
  producer: { to: ["client", "codec", "gen", "runtime"], packages: protobuf },
  bridge: {
    to: ["client", "codec", "gen", "runtime"],
    packages: [
      ...protobuf,
      "mqtt",
      "node-opcua-certificate-manager",
      "node-opcua-client",
      "node-opcua-debug",
      "smol-toml",
    ],
  },
  gateway: {
    to: ["access", "codec", "gen", "runtime"],
    packages: [
      ...protobuf,
      "@connectrpc/connect-node",
      "@fastify/cors",
      "@fastify/static",
      "fastify",
      "lru-cache",
      "prom-client",
    ],
  },
  accessor: {
    to: ["access", "codec", "gen", "runtime"],
    packages: [
      ...protobuf,
      "@bufbuild/protovalidate",
      "@slonik/driver",
      "jose",
      "pg",
      "slonik",
      "zod",
    ],
  },
  local: { to: ["gen", "runtime"], packages: ["@connectrpc/connect", "pg"] },
  console: {
    to: ["client", "codec", "gen", "runtime"],
    packages: [
      ...protobuf,
      "@connectrpc/connect-web",
      "@preact/signals",
      "@tanstack/virtual-core",
      "preact",
      "uplot",
      "vite",
    ],
  },
  client: { to: ["codec", "gen", "runtime"], packages: protobuf },
  access: { to: ["codec"], packages: [] },
  codec: { to: ["gen", "runtime"], packages: ["@bufbuild/protobuf"] },
  runtime: { to: ["gen"], packages: [...protobuf, "@grpc/grpc-js"] },
  test: { to: any, packages: any },
  proof: { to: any, packages: any },
  bench: { to: any, packages: any },
  tools: { to: any, packages: any },
};

/** The rooms that a test may import besides its own. */
export const sharedByTests = ["test/testing/", "gen/", "local/"];

/** Inside a room: the folders that each of its folders may import. "." are the room's own files. */
export const folders: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  producer: { ".": ["input", "simulate"], input: [], simulate: [] },
  bridge: {
    ".": ["mapping", "mqtt", "sparkplug", "store"],
    mapping: [],
    mqtt: ["mapping", "store"],
    opcua: [".", "mapping", "store"],
    sparkplug: ["mapping"],
    store: [],
  },
  gateway: {
    ".": [
      "admission",
      "cache",
      "caller",
      "console",
      "errors",
      "http",
      "limits",
      "line",
      "metrics",
      "rest",
      "rpc",
      "upstream",
    ],
    admission: ["caller", "errors", "http", "limits", "upstream"],
    cache: [],
    caller: [],
    console: ["http", "rest"],
    encoding: [],
    errors: [],
    http: [],
    limits: ["caller", "errors", "http"],
    line: ["caller", "errors", "http", "limits", "upstream"],
    metrics: ["cache", "errors"],
    rest: ["cache", "caller", "encoding", "errors", "http", "limits", "upstream"],
    rpc: ["caller", "encoding", "errors", "http", "limits", "upstream"],
    upstream: [],
  },
  accessor: {
    ".": ["access", "compact", "domain", "feed", "ingest", "rpc", "store"],
    access: ["domain", "feed", "read", "store"],
    commands: ["access", "domain", "rpc", "store"],
    compact: ["domain", "history", "read", "store"],
    domain: [],
    feed: ["domain", "store"],
    history: [],
    ingest: ["domain", "feed", "history", "read", "store"],
    read: ["domain", "feed", "history", "store"],
    rpc: ["access", "domain", "feed", "history", "ingest", "read", "store"],
    store: ["domain", "history"],
  },
  local: { ".": [] },
  console: {
    ".": ["live", "shell"],
    add: ["address", "contract", "english", "exports", "live", "parts", "time"],
    address: [],
    answers: ["contract", "english", "live", "look", "parts", "time"],
    chart: ["english", "live", "look", "parts", "time"],
    compare: ["address", "chart", "contract", "english", "exports", "live", "parts", "time"],
    contract: ["english"],
    energy: ["address", "chart", "contract", "english", "exports", "live", "look", "parts", "time"],
    english: [],
    errors: ["address", "contract", "english", "exports", "live", "parts", "time"],
    exports: ["chart", "contract", "english", "time"],
    fleet: ["address", "chart", "contract", "english", "exports", "live", "look", "parts", "time"],
    live: ["contract"],
    look: [],
    machine: [
      "address",
      "answers",
      "chart",
      "contract",
      "english",
      "exports",
      "live",
      "parts",
      "time",
    ],
    parts: ["address", "english", "look"],
    shell: [
      "add",
      "address",
      "compare",
      "contract",
      "energy",
      "english",
      "errors",
      "fleet",
      "live",
      "machine",
      "parts",
      "system",
      "time",
    ],
    system: ["contract", "english", "exports", "parts", "time"],
    time: ["address"],
  },
  client: { ".": [], outbox: [], send: ["outbox", "spool"], spool: ["outbox"] },
  access: { ".": [] },
  codec: { ".": [], block: ["."], line: [], row: [".", "wire"], wire: ["."] },
  runtime: { ".": [], grpc: [".", "tls"], tls: ["."] },
};

/** Packages that only one folder of their room may import. */
export const packageOwners: Readonly<Record<string, string>> = {
  "@grpc/grpc-js": "runtime/grpc/",
  slonik: "accessor/store/",
  "@slonik/driver": "accessor/store/",
  mqtt: "bridge/mqtt/",
  "node-opcua-certificate-manager": "bridge/opcua/",
  "node-opcua-client": "bridge/opcua/",
  "node-opcua-debug": "bridge/opcua/",
  "smol-toml": "bridge/mapping/",
};
