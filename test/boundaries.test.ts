// Holds the picture of docs/architecture.md: who may import whom, what files may be called, and how
// long they may be.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));

/**
 * What the files of a room may import: paths of ours by prefix, and packages. Node's own modules
 * are free to all.
 */
type Room = { ours: readonly string[]; packages: readonly string[] };

const protobuf = ["@bufbuild/protobuf", "@connectrpc/connect"];
const domain = ["gen/", "runtime/", "codec/", "client/"];
const keeper = {
  ours: [...domain, "access/", "accessor/"],
  packages: [
    ...protobuf,
    "@bufbuild/protovalidate",
    "jose",
    "@slonik/driver",
    "pg",
    "slonik",
    "zod",
  ],
};

/** The longest prefix of a file's path decides. */
const rooms: Record<string, Room> = {
  "runtime/": { ours: ["runtime/"], packages: [] },
  "runtime/grpc/": {
    ours: ["runtime/", "gen/google/", "gen/grpc/"],
    packages: [...protobuf, "@grpc/grpc-js"],
  },
  "access/": { ours: ["gen/millrace/", "codec/", "access/"], packages: [] },
  "codec/": { ours: ["gen/millrace/", "codec/"], packages: ["@bufbuild/protobuf"] },
  "codec/block/": { ours: ["codec/"], packages: [] },
  "codec/row/": {
    ours: ["gen/millrace/", "runtime/", "codec/"],
    packages: ["@bufbuild/protobuf"],
  },
  "client/": { ours: ["gen/", "runtime/", "codec/", "client/"], packages: protobuf },
  "local/": { ours: ["gen/grpc/", "runtime/", "local/"], packages: ["@connectrpc/connect", "pg"] },
  "producer/": { ours: [...domain, "producer/"], packages: protobuf },
  "accessor/": keeper,
  "gateway/": {
    ours: [...domain, "access/", "gateway/"],
    packages: [
      ...protobuf,
      "@connectrpc/connect-node",
      "fastify",
      "@fastify/cors",
      "lru-cache",
      "prom-client",
    ],
  },
  "test/": {
    ours: [
      ...domain,
      "local/",
      "producer/",
      "accessor/",
      "gateway/",
      "access/",
      "tools/",
      "test/",
      "proof/",
    ],
    packages: ["*"],
  },
  "proof/": {
    ours: [...domain, "local/", "producer/", "accessor/", "gateway/", "access/", "test/", "proof/"],
    packages: ["*"],
  },
  "bench/": {
    ours: [...domain, "local/", "producer/", "accessor/", "gateway/", "bench/"],
    packages: ["*"],
  },
  "tools/": { ours: [...domain, "tools/"], packages: ["*"] },
};

/** Within the accessor: what would turn an arrow round. */
const forbidden: Record<string, readonly string[]> = {
  "accessor/domain/": [
    "accessor/rpc/",
    "accessor/ingest/",
    "accessor/feed/",
    "accessor/read/",
    "accessor/compact/",
    "accessor/store/",
    "accessor/history/",
    "accessor/access/",
  ],
  "accessor/feed/": ["accessor/rpc/", "accessor/ingest/", "accessor/compact/", "accessor/read/"],
  "accessor/ingest/": ["accessor/rpc/", "accessor/compact/"],
  "accessor/read/": ["accessor/rpc/", "accessor/ingest/", "accessor/compact/"],
  "accessor/history/": [
    "accessor/rpc/",
    "accessor/ingest/",
    "accessor/feed/",
    "accessor/read/",
    "accessor/compact/",
  ],
  "accessor/compact/": ["accessor/rpc/", "accessor/ingest/", "accessor/feed/"],
  "accessor/store/": ["accessor/rpc/", "accessor/feed/", "accessor/read/"],
};

const testOnly = /\.test\.ts$|\/testing\//;
const attics = /(^|\/)(utils?|types|helpers?|constants|index|common|misc)\.[a-z]+$/;
const maxLines = 300;
/** Files that a program wrote, as long as what they show. */
const written = /^accessor\/store\/schema\.sql$|^accessor\/testing\/data-of-\d+\//;
/** Longer since lines end at 100; each is to be split by idea. */
const longer = new Set([
  "accessor/access/keyring.test.ts",
  "accessor/accessor.ts",
  "accessor/answer-sizes.test.ts",
  "accessor/compact/interrupted.test.ts",
  "accessor/compact/retain.test.ts",
  "accessor/compact/sql-sample-types.test.ts",
  "accessor/ingest/prepare.ts",
  "accessor/ingest/verdicts.test.ts",
  "accessor/rpc/answers.test.ts",
  "accessor/rpc/signals.ts",
  "accessor/rpc/version.test.ts",
  "accessor/store/database.ts",
  "accessor/store/sql-views.test.ts",
  "accessor/testing/answers.ts",
  "client/send/spool/lane.ts",
  "client/send/spool/spool.test.ts",
  "client/watch.test.ts",
  "gateway/gateway.ts",
  "gateway/rpc/protocols.test.ts",
  "gateway/rest/export.test.ts",
  "gateway/rest/mount.ts",
  "gateway/rest/post-fields.test.ts",
  "gateway/rest/post-lines.test.ts",
  "gateway/rest/post-signals.test.ts",
  "gateway/rest/rest.test.ts",
  "gateway/rest/rewatch.test.ts",
  "gateway/rest/routes.ts",
  "producer/input/input.test.ts",
  "runtime/grpc/message-cost.ts",
  "test/bad-input.test.ts",
  "test/boundaries.test.ts",
  "test/state-calendar-oracle.test.ts",
]);

/** Files allowed to name something that one place owns. */
const owners: readonly { what: RegExp; where: RegExp; why: string }[] = [
  {
    what: /\bprocess\.env\b/,
    where: /^runtime\/config\.ts$/,
    why: "runtime/config.ts reads the environment",
  },
  {
    what: /\bprocess\.exit\(|\bprocess\.on\(/,
    where: /^runtime\/lifecycle\.ts$|^tools\//,
    why: "runtime/lifecycle.ts starts and ends processes",
  },
  {
    what: /from "@grpc\/grpc-js"/,
    where: /^runtime\/grpc\/|^(test|proof)\//,
    why: "runtime/grpc/ adapts grpc-js",
  },
  {
    what: /from "(slonik|@slonik\/driver)"/,
    where: /^accessor\/store\//,
    why: "accessor/store/ speaks to PostgreSQL",
  },
];

type File = { path: string; text: string };

function violations(files: readonly File[]): string[] {
  return files.flatMap((file) => [
    ...nameAndLength(file),
    ...imports(file),
    ...owned(file),
    ...words(file),
  ]);
}

function nameAndLength({ path, text }: File): string[] {
  const lines = text.split("\n").length - 1;
  return [
    ...(attics.test(path) ? [`${path}: a name that says nothing of what is inside`] : []),
    ...(lines > maxLines && !longer.has(path) && !written.test(path)
      ? [`${path}: ${lines} lines, ${maxLines} are the limit`]
      : []),
  ];
}

function imports(file: File): string[] {
  const { path } = file;
  const room = longest(rooms, path);
  if (room === undefined) return [`${path}: in no room of the table`];
  const { ours, packages } = rooms[room]!;
  const inTest = testOnly.test(path) || /^(test|proof)\//.test(path);
  // A test puts together what it needs; only what runs must not turn round.
  const banned = inTest ? [] : (forbidden[longest(forbidden, path) ?? ""] ?? []);
  return specifiers(file).flatMap((specifier) => {
    if (specifier.startsWith("node:")) return [];
    const target = specifier.startsWith(".")
      ? normalize(join(dirname(path), specifier))
      : specifier.startsWith("#gen/")
        ? specifier.slice(1)
        : undefined;
    if (target === undefined) {
      const mayAny =
        inTest || packages.some((name) => name === "*" || `${specifier}/`.startsWith(`${name}/`));
      return mayAny ? [] : [`${path}: may not import the package ${specifier}`];
    }
    const broken =
      !(ours.some((prefix) => target.startsWith(prefix)) || isTestSupport(target, inTest)) ||
      banned.some((prefix) => target.startsWith(prefix)) ||
      /(^|\/)main\.ts$/.test(target) ||
      (testOnly.test(target) && !inTest) ||
      (/\.test\.ts$/.test(target) && target !== path);
    return broken ? [`${path}: may not import ${target}`] : [];
  });
}

/**
 * Tests may use what tests share, the contract, and a PostgreSQL; nothing more than the room they
 * test.
 */
const isTestSupport = (target: string, inTest: boolean) =>
  inTest && /^(test\/testing|gen|local)\//.test(target);

/** Static imports and re-exports, and `import("x")` on a line without a text before it. */
function specifiers({ text }: File): string[] {
  const statements =
    /^(?:import|export)\b(?:[^"'();=]*?\bfrom)?\s*"([^"]+)";|^[^"'`\n]*\bimport\("([^"]+)"\)/gm;
  return [...withoutComments(text).matchAll(statements)].flatMap(
    (found) => found[1] ?? found[2] ?? [],
  );
}

function owned({ path, text }: File): string[] {
  if (testOnly.test(path) || /^(test|proof)\//.test(path)) return [];
  const code = withoutComments(text);
  return owners.flatMap(({ what, where, why }) =>
    what.test(code) && !where.test(path) ? [`${path}: ${why}`] : [],
  );
}

function words({ path, text }: File): string[] {
  if (!path.startsWith("runtime/") || testOnly.test(path)) return [];
  // A signal is also an AbortSignal and what ends a process, so the word alone says nothing.
  const found = /\b(machines?|batch(es)?|samples?|telemetry|sensors?|producers?|accessor)\b/i.exec(
    withoutComments(text),
  );
  return found ? [`${path}: runtime/ speaks no domain word, here "${found[0]}"`] : [];
}

const withoutComments = (text: string) => text.replace(/\/\*[\s\S]*?\*\/|(^|\s)\/\/.*$/gm, "");

function longest(table: Record<string, unknown>, path: string): string | undefined {
  const fitting = Object.keys(table).filter((prefix) => path.startsWith(prefix));
  return fitting.sort((a, b) => b.length - a.length)[0];
}

function sources(): File[] {
  const inRooms = [...new Set(Object.keys(rooms).map((prefix) => prefix.split("/")[0]!))];
  const present = readdirSync(root).filter((name) => inRooms.includes(name));
  return present.flatMap((room) =>
    readdirSync(join(root, room), { recursive: true, encoding: "utf8" })
      .filter((name) => /\.(ts|mjs|sql)$/.test(name))
      .map((name) => ({
        path: `${room}/${name}`,
        text: readFileSync(join(root, room, name), "utf8"),
      })),
  );
}

test("no file breaks a rule", () => {
  const files = sources();
  expect(files.length).toBeGreaterThan(100);
  expect(violations(files)).toEqual([]);
});

test.each<[path: string, text: string, violation: string]>([
  [
    "gateway/a.ts",
    'import { x } from "../accessor/domain/cursor.ts";',
    "may not import accessor/domain/cursor.ts",
  ],
  [
    "producer/a.ts",
    'export type { X } from "../gateway/errors.ts";',
    "may not import gateway/errors.ts",
  ],
  [
    "producer/a.ts",
    'import {\n  x,\n} from "../accessor/domain/cursor.ts";',
    "may not import accessor/domain/cursor.ts",
  ],
  [
    "client/a.ts",
    'const x = await import("../accessor/domain/cursor.ts");',
    "may not import accessor/domain/cursor.ts",
  ],
  [
    "gateway/rest/a.test.ts",
    'import { x } from "../../accessor/domain/cursor.ts";',
    "may not import accessor/domain/cursor.ts",
  ],
  [
    "runtime/a.ts",
    'import { X } from "#gen/millrace/v1/signal_pb.ts";',
    "may not import gen/millrace/v1/signal_pb.ts",
  ],
  [
    "codec/row/a.ts",
    'import { x } from "../../gateway/errors.ts";',
    "may not import gateway/errors.ts",
  ],
  [
    "codec/block/a.ts",
    'import { x } from "../../runtime/log.ts";',
    "may not import runtime/log.ts",
  ],
  [
    "client/a.ts",
    'import { x } from "../producer/simulate/batch.ts";',
    "may not import producer/simulate/batch.ts",
  ],
  [
    "accessor/feed/a.ts",
    'import { x } from "../rpc/errors.ts";',
    "may not import accessor/rpc/errors.ts",
  ],
  ["accessor/a.ts", 'import "./main.ts";', "may not import accessor/main.ts"],
  [
    "accessor/a.ts",
    'import { x } from "../test/testing/postgres.ts";',
    "may not import test/testing/postgres.ts",
  ],
  [
    "gateway/a.ts",
    'import { x } from "./testing/accessor.ts";',
    "may not import gateway/testing/accessor.ts",
  ],
  ["gateway/a.ts", 'import pg from "pg";', "may not import the package pg"],
  [
    "accessor/a.ts",
    'import { Server } from "@grpc/grpc-js";',
    "may not import the package @grpc/grpc-js",
  ],
  ["accessor/read/a.ts", 'import { sql } from "slonik";', "accessor/store/ speaks to PostgreSQL"],
  ["accessor/a.ts", "const x = process.env.HOME;", "runtime/config.ts reads the environment"],
  ["gateway/a.ts", "process.exit(1);", "runtime/lifecycle.ts starts and ends processes"],
  ["runtime/a.ts", "export type Batch = 1;", 'runtime/ speaks no domain word, here "Batch"'],
  ["gateway/rest/utils.ts", "", "a name that says nothing of what is inside"],
  ["gateway/a.ts", "\n".repeat(301), "301 lines, 300 are the limit"],
  ["common/a.ts", "", "in no room of the table"],
])("%s with %j breaks one", (path, text, violation) => {
  expect(violations([{ path, text }]).map((line) => line.slice(path.length + 2))).toContain(
    violation,
  );
});

test("a comment may name what is not imported, and a test its own support", () => {
  const path = "accessor/feed/a.test.ts";
  const text =
    '// like import("../rpc/a.ts") and process.env\nimport { x } from "../../test/testing/postgres.ts";';
  expect(
    violations([{ path: path.replace(".test", ""), text: "// process.env is not read here" }]),
  ).toEqual([]);
  expect(violations([{ path, text: text.split("\n")[1]! }])).toEqual([]);
});

test("what every process shares is a closed list", () => {
  const nouns = sources().flatMap(
    ({ path }) => /^runtime\/([a-z]+\/|[^/]+\.ts$)/.exec(path)?.[1] ?? [],
  );
  const own = [...new Set(nouns)].filter((noun) => !/\.test\.|^testing/.test(noun)).sort();
  const page = readFileSync(join(root, "docs/architecture.md"), "utf8");
  const listed = [...page.matchAll(/^\| (`[a-z\d-]+\/?`(?:, `[a-z\d-]+`)*) \|/gm)].flatMap(
    ([, names]) =>
      names!.split(", ").map((name) => name.replaceAll("`", "").replace(/[^/]$/, "$&.ts")),
  );
  expect(own).toEqual(listed.sort());
});

test("every import statement is seen", () => {
  for (const file of sources().filter(
    ({ path }) => path.endsWith(".ts") && path !== "test/boundaries.test.ts",
  )) {
    const ends = file.text.match(/(^|^} |[\w}] )(from|import) "[^"]+";$/gm) ?? [];
    const dynamic = file.text.match(/^[^"'`\n]*import\("[^"]+"\)/gm) ?? [];
    expect(specifiers(file), file.path).toHaveLength(ends.length + dynamic.length);
  }
});
