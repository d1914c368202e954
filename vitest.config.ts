// One configuration for every test: files beside what they test, and test/ for what crosses
// services.
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: [
      "{runtime,access,samples,rows,block,client,local,producer,accessor,gateway,test,bench,tools}/**/*.test.ts",
    ],
    globalSetup: ["test/support/global-compile-cache.ts", "test/support/global-postgres.ts"],
    setupFiles: ["test/support/listener-leaks.ts"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Two, however many cores: the tests share one PostgreSQL, and some measure time.
    maxWorkers: 2,
    reporters: ["default", "json"],
    // What .ci/run counts from.
    outputFile: { json: "node_modules/.vitest/report.json" },
  },
});
