// After an install, scripts find the Node that was installed as a package, whatever npm did to its
// link.
import { execFileSync } from "node:child_process";
import { copyFile, mkdir, mkdtemp, readlink, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";

const script = fileURLToPath(new URL("link-node.mjs", import.meta.url));
const name = `node-${process.platform}-${process.arch}`;

/** A checkout with only this script and the files that npm may have left. */
async function checkout({ withPackage }: { withPackage: boolean }) {
  const root = await mkdtemp(join(tmpdir(), "millrace-link-"));
  onTestFinished(() => rm(root, { recursive: true }));
  await mkdir(join(root, "tools"));
  await mkdir(join(root, "node_modules/.bin"), { recursive: true });
  await copyFile(script, join(root, "tools/link-node.mjs"));
  if (withPackage) {
    await mkdir(join(root, `node_modules/${name}/bin`), { recursive: true });
    await writeFile(join(root, `node_modules/${name}/bin/node`), "");
  }
  return {
    link: join(root, "node_modules/.bin/node"),
    run: () => execFileSync(process.execPath, [join(root, "tools/link-node.mjs")]),
  };
}

test("a link that npm took away comes back, and running it again changes nothing", async () => {
  const { link, run } = await checkout({ withPackage: true });
  run();
  run();
  expect(await readlink(link)).toBe(`../${name}/bin/node`);
});

test("without the package there is nothing to link", async () => {
  const { link, run } = await checkout({ withPackage: false });
  run();
  await expect(readlink(link)).rejects.toThrow("ENOENT");
});
