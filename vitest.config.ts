// One configuration for every test: files beside what they test, and test/ for what crosses services.
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["{runtime,samples,block,client,local,producer,accessor,gateway,test,bench,tools}/**/*.test.ts"],
    globalSetup: ["test/support/global-postgres.ts"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
  },
});
