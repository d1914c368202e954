// npm run contract: the contract with all that it imports in one folder, for any compiler of .proto
// files, and as one file of descriptors. What is not ours comes from npm packages (proto-deps.ts),
// and is not in the repository.
import { execFileSync } from "node:child_process";
import { cpSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = process.argv[2] ?? "contract";
const out = resolve(folder);
const isSource = (path: string) => !path.endsWith(".binpb");
for (const from of ["proto", ".proto-deps"])
  cpSync(`${root}${from}`, out, { recursive: true, filter: isSource });
execFileSync("buf", ["build", "proto", "-o", `${out}/millrace.binpb`], {
  cwd: root,
  stdio: "inherit",
});
console.log(
  `${folder}/ has the .proto files of the contract and of all that it imports; millrace.binpb has them as descriptors`,
);
