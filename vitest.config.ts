// One configuration for every test: files beside what they test, and test/ for what crosses
// services.
import { defineConfig } from "vitest/config";
import { filesOfSharedProcess } from "./test/testing/shared-process.ts";

const rooms = [
  "runtime",
  "access",
  "codec",
  "client",
  "local",
  "producer",
  "bridge",
  "console",
  "accessor",
  "gateway",
  "test",
  "proof",
  "bench",
  "tools",
];
// Each of the two projects has its own PostgreSQL.
const globalSetup = ["test/testing/global-compile-cache.ts", "test/testing/global-postgres.ts"];
// Its packages are installed apart: npm run test:opcua.
const apart = ["bridge/opcua/**"];
const together = filesOfSharedProcess(rooms).filter((file) => !file.startsWith("bridge/opcua/"));

export default defineConfig({
  test: {
    setupFiles: ["test/testing/listener-leaks.ts"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Two, however many cores: the tests share PostgreSQL, and some measure time.
    maxWorkers: 2,
    reporters: ["default", "json"],
    // What .ci/run counts from.
    outputFile: { json: "node_modules/.vitest/report.json" },
    projects: [
      {
        extends: true,
        test: {
          name: "alone",
          include: [`{${rooms.join(",")}}/**/*.test.ts`],
          exclude: [...together, ...apart],
          globalSetup,
        },
      },
      { extends: true, test: { name: "together", include: together, isolate: false, globalSetup } },
    ],
  },
});
