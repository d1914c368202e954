// Links the Node that was installed as a package to where npm scripts find it. When npm 10 omits
// the package for another platform, it also removes the link of the right one, since both are
// called node_modules/.bin/node. Runs after every install.
import { existsSync, symlinkSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

const modules = `${dirname(dirname(fileURLToPath(import.meta.url)))}/node_modules`;
const name = `node-${process.platform}-${process.arch}`;

if (existsSync(`${modules}/${name}/bin/node`) && !existsSync(`${modules}/.bin/node`)) {
  symlinkSync(`../${name}/bin/node`, `${modules}/.bin/node`);
}
