// Puts the Node that came as a package where npm scripts find it. npm 10, when it leaves out the
// package for another platform, takes away the link of the one that fits as well, for both are
// called node_modules/.bin/node. Runs after every install.
import { existsSync, symlinkSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

const modules = `${dirname(dirname(fileURLToPath(import.meta.url)))}/node_modules`;
const name = `node-${process.platform}-${process.arch}`;

if (existsSync(`${modules}/${name}/bin/node`) && !existsSync(`${modules}/.bin/node`)) {
  symlinkSync(`../${name}/bin/node`, `${modules}/.bin/node`);
}
