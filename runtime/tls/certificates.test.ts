// Files that change, break, come one after the other or run out, and what is made of that.
import { rename, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import {
  type Authority,
  createAuthority,
  type Folder,
  loopback,
  openFolder,
  type Pair,
} from "../../test/testing/certificates.ts";
import { eventually, settled } from "../../test/testing/eventually.ts";
import { ConfigError } from "../config.ts";
import { createLog } from "../log.ts";
import { type CertificateFiles, openCertificates } from "./certificates.ts";

let authority: Authority;
let [one, two] = [] as unknown as [Pair, Pair];
let folder: Folder;
let lines: string[];
const dayMs = 86_400_000;

beforeAll(async () => {
  authority = await createAuthority();
  [one, two] = [await authority.issue(loopback), await authority.issue(loopback)];
});
beforeEach(async () => {
  folder = await openFolder();
  lines = [];
});
afterEach(() => folder[Symbol.asyncDispose]());

const log = createLog({
  name: "t",
  level: "info",
  format: "json",
  sink: (line) => lines.push(line),
});
const said = (text: string) => lines.filter((line) => line.includes(text)).length;
const open = (files: CertificateFiles, options = {}) =>
  openCertificates(files, { log, intervalMs: 3_600_000, ...options });

test("a new pair is taken when it is asked for, and who listens is told", async () => {
  const files = await folder.writePair("a", one);
  using certificates = await open(files);
  const told: unknown[] = [];
  const stop = certificates.onChange(({ cert }) => told.push(cert?.toString()));
  await certificates.reload();
  expect(told).toEqual([]);
  await folder.writePair("a", two);
  await certificates.reload();
  expect(told).toEqual([two.cert]);
  expect(certificates.current.key?.toString()).toBe(two.key);
  stop();
  await folder.writePair("a", one);
  await certificates.reload();
  expect(told).toHaveLength(1);
});

test("changed files are found without being asked for, also behind a link that is swapped", async () => {
  const files = await folder.writePair("a", one);
  const next = await folder.writePair("b", two);
  const link = async (kind: "cert" | "key") => {
    await symlink(next[kind], `${files[kind]}.new`);
    await rename(`${files[kind]}.new`, files[kind]);
  };
  using certificates = await open(files, { intervalMs: 20 });
  await Promise.all([link("cert"), link("key")]);
  await eventually(
    "the new one is taken",
    () => certificates.current.cert?.toString() === two.cert,
  );
});

test.each<[what: string, change: (files: Pair) => Promise<unknown>]>([
  ["a key of another", ({ key }) => folder.write(key.split("/").pop()!, two.key)],
  [
    "half a certificate",
    ({ cert }) => folder.write(cert.split("/").pop()!, one.cert.slice(0, 300)),
  ],
  ["no certificate", ({ cert }) => folder.write(cert.split("/").pop()!, "")],
  ["a missing file", ({ key }) => rm(key)],
])("%s is not taken, said once, and mended by the right one", async (_, change) => {
  const files = await folder.writePair("a", one);
  using certificates = await open(files, { intervalMs: 20 });
  await change(files as Pair);
  await eventually("it is said", () => said("are invalid") > 0);
  // Through some twenty looks.
  expect(await settled(() => said("are invalid"))).toBe(1);
  expect(certificates.current.cert?.toString()).toBe(one.cert);
  await certificates.reload();
  expect(said("are invalid")).toBe(2);
  expect(certificates.current.cert?.toString()).toBe(one.cert);
  await folder.writePair("a", two);
  await eventually(
    "the right one is taken",
    () => certificates.current.cert?.toString() === two.cert,
  );
});

test("one that has run out does not replace one that has not; one that will soon is told of each day", async () => {
  let nowMs = Date.now();
  const files = await folder.writePair("a", one);
  using certificates = await open(files, { nowMs: () => nowMs, intervalMs: 20 });
  expect(said("expires soon")).toBe(0);
  const old = await authority.issue(loopback, {
    fromMs: nowMs - 2 * dayMs,
    untilMs: nowMs - dayMs,
  });
  await folder.writePair("a", old);
  await certificates.reload();
  expect(certificates.current.cert?.toString()).toBe(one.cert);
  // Once by the clock, if that was sooner, and once because it was asked for.
  expect(said("has expired")).toBeGreaterThan(0);
  nowMs += 80 * dayMs;
  await eventually("it is told", () => said("expires soon") === 1);
  nowMs += dayMs;
  await eventually("it is told again", () => said("expires soon") === 2);
  nowMs += 20 * dayMs;
  await eventually("it is over", () => said("peers will reject it") === 1);
});

test("what is no good at the start is a wrong setting", async () => {
  const { cert } = await folder.writePair("a", one);
  const { key } = await folder.writePair("b", two);
  const ca = await folder.write("ca.crt", "-----BEGIN NOTHING-----\n");
  await expect(open({ cert, key })).rejects.toThrow(ConfigError);
  await expect(open({ cert, key })).rejects.toThrow("the key is not that of the certificate");
  await expect(open({ cert, key: join(cert, "..", "nowhere") })).rejects.toThrow("ENOENT");
  await expect(open({ ca })).rejects.toThrow("no certificate in PEM");
});
