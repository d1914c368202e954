// npm run contract: writes the contract with all its imports to one folder, for any compiler of
// .proto files, and as one file of descriptors. Files that are not ours come from npm packages
// (proto-deps.ts), and are not in the repository.
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
