// npm run audit: what is known of the packages that run in production. Fails for severe advisories;
// where nobody can be asked, says so and passes.
import { execFile } from "node:child_process";
import { judge } from "./advisories.ts";

const command = ["audit", "--omit=dev", "--json"];
execFile(
  "npm",
  command,
  { timeout: 60_000, maxBuffer: 64 * 1024 * 1024 },
  (error, stdout, stderr) => {
    const { text, failed } = judge(stdout, error?.killed ? "no answer within 60 s" : stderr);
    console.log(`audit: ${text}`);
    process.exitCode = failed ? 1 : 0;
  },
);
