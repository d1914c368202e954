// A pair is two files: what stands there while one of them is written and the other is not is never
// taken, nor complained of.
import type * as files from "node:fs/promises";
import { setImmediate as turn } from "node:timers/promises";
import { afterEach, expect, test, vi } from "vitest";
import { createAuthority, loopback, openFolder } from "../../test/testing/certificates.ts";
import { eventually } from "../../test/testing/eventually.ts";
import { createLog } from "../log.ts";
import { openCertificates } from "./certificates.ts";

const { looked } = vi.hoisted(() => ({ looked: { files: 0 } }));
vi.mock("node:fs/promises", async (original) => {
  const real = await original<typeof files>();
  const readFile = (...[path, options]: Parameters<typeof real.readFile>) =>
    real.readFile(path, options).finally(() => {
      looked.files++;
    });
  return { ...real, readFile };
});
afterEach(() => void vi.useRealTimers());

test("a set is taken when it was the same at two looks, and not at the first", async () => {
  const authority = await createAuthority();
  const [one, two] = [await authority.issue(loopback), await authority.issue(loopback)];
  await using folder = await openFolder();
  const pair = await folder.writePair("a", one);
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  const lines: string[] = [];
  const log = createLog({
    name: "t",
    level: "info",
    format: "json",
    sink: (line) => lines.push(line),
  });
  using certificates = await openCertificates(pair, { log, intervalMs: 1_000 });
  const look = async () => {
    const before = looked.files;
    vi.advanceTimersByTime(1_000);
    await eventually("both files were read", () => looked.files === before + 2);
    // What is made of them takes no more waiting.
    for (let i = 0; i < 10; i++) await turn();
  };
  const current = () => certificates.current.cert?.toString();
  await folder.write("a.crt", two.cert);
  await look();
  await folder.write("a.key", two.key);
  expect(current()).toBe(one.cert);
  await look();
  expect(current()).toBe(one.cert);
  await look();
  expect(current()).toBe(two.cert);
  expect(lines.filter((line) => line.includes("are invalid"))).toEqual([]);
});
