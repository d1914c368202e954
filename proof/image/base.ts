// A base image that replaces node:24-slim: Debian from debootstrap, with this checkout's Node and
// this machine's npm.
import { cp, mkdir, realpath, symlink } from "node:fs/promises";
import { join } from "node:path";
import { type Buildah, outputOf } from "./buildah.ts";

const authorities = "/etc/ssl/certs/ca-certificates.crt";

/** The name of the image. */
export async function makeBase(buildah: Buildah): Promise<string> {
  const root = join(buildah.folder, "base");
  const [repository, codename] = await debianSource();
  await outputOf("debootstrap", ["--variant=minbase", codename, root, repository]);
  await outputOf("chroot", [root, "useradd", "--create-home", "--uid", "1000", "node"]);
  await addNode(root);
  await mkdir(join(root, "etc/ssl/certs"), { recursive: true });
  await cp(authorities, join(root, authorities), { dereference: true });
  const container = await buildah.call("from", "scratch");
  await buildah.call("copy", "--quiet", container, root, "/");
  const registry = await outputOf("npm", ["config", "get", "registry"]);
  const env = {
    PATH: "/usr/local/bin:/usr/bin:/bin",
    // The build uses the same registry as this machine, and trusts the same authorities.
    npm_config_registry: registry,
    NODE_EXTRA_CA_CERTS: authorities,
  };
  const settings = Object.entries(env).flatMap(([name, value]) => ["--env", `${name}=${value}`]);
  await buildah.call("config", ...settings, container);
  await buildah.call("commit", "--quiet", container, "millrace-base");
  await buildah.call("rm", container);
  return "localhost/millrace-base";
}

/**
 * The source of this machine's Debian packages: the first repository of its list, and the release's
 * name.
 */
async function debianSource(): Promise<[repository: string, codename: string]> {
  const sources = await outputOf("apt-get", [
    "indextargets",
    "--format",
    "$(REPO_URI) $(CODENAME)",
    "Created-By: Packages",
    "Origin: Debian",
    "Component: main",
  ]);
  // Names of updates and security fixes have a suffix.
  const plain = sources.split("\n").find((line) => /^\S+ [a-z]+$/.test(line));
  if (plain === undefined) throw new Error("apt-get names no repository of Debian");
  return plain.split(" ") as [string, string];
}

async function addNode(root: string): Promise<void> {
  const modules = join(root, "usr/local/lib/node_modules");
  await mkdir(modules, { recursive: true });
  await cp(process.execPath, join(root, "usr/local/bin/node"), { dereference: true });
  // npm would report its folder relative to the Node that runs it, which has none there.
  const npm = join(await realpath(await outputOf("which", ["npm"])), "../..");
  await cp(npm, join(modules, "npm"), { recursive: true });
  await symlink("../lib/node_modules/npm/bin/npm-cli.js", join(root, "usr/local/bin/npm"));
}
