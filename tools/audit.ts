// npm run audit: known advisories for the packages that run in production. Fails for severe ones;
// if the service cannot be reached, reports that and passes.
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
