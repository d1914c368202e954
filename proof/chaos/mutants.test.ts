// Every mutant still fits today's code: this test notices a refactoring that moves a text, before
// the next `npm run chaos:mutants` does.
import { existsSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import type { Mutant } from "./mutant.ts";
import { applyEdits } from "./mutant-edits.ts";
import { mutants } from "./mutant-list.ts";

const pathOf = (file: string) => fileURLToPath(new URL(`../../${file}`, import.meta.url));

/** The texts of the files that the mutant changes; nothing is written to disk. */
async function applied(mutant: Mutant): Promise<ReadonlyMap<string, string>> {
  const changed = new Map<string, string>();
  await applyEdits(mutant, {
    read: async (file) => changed.get(file) ?? (await readFile(pathOf(file), "utf8")),
    write: async (file, text) => void changed.set(file, text),
  });
  return changed;
}

describe("mutants", () => {
  test.each(mutants.map((mutant) => [mutant.name, mutant] as const))(
    "%s: its texts are there once",
    async (_, mutant) => {
      const changed = await applied(mutant);
      expect([...changed.keys()].sort()).toEqual(
        [...new Set(mutant.edits.map(({ file }) => file))].sort(),
      );
      const { chaos, test: file } = mutant.catch;
      expect([chaos, file].filter((one) => one !== undefined)).toHaveLength(1);
      if (file !== undefined) expect(existsSync(pathOf(file)), file).toBe(true);
    },
  );

  test("a text that is gone, or there twice, is an error", async () => {
    const [first] = mutants;
    for (const text of ["", `${first!.edits[0]!.find}\n${first!.edits[0]!.find}`])
      await expect(
        applyEdits(first!, { read: async () => text, write: async () => {} }),
      ).rejects.toThrow(/times in/);
  });

  test("none edits a migration: functions and views in force are files of their own", () => {
    const edits = mutants.flatMap((mutant) => mutant.edits.map(({ file }) => file));
    expect(edits.filter((file) => file.startsWith("accessor/store/migrations/"))).toEqual([]);
    expect(edits.some((file) => file.startsWith("accessor/store/functions/"))).toBe(true);
  });

  test("docs/reliability.md lists each mutant, or how many a file has", async () => {
    const [, section] = readFileSync(pathOf("docs/reliability.md"), "utf8").split(
      "## The check of the checks\n",
    );
    const rows = section!.split("\n## ")[0]!.matchAll(/^\| (?!broken |---)(.+) \|$/gm);
    const cells = [...rows].map(([, row]) => row!.split(" | "));
    const counted = cells
      .filter((row) => row.length === 3)
      .map(([, count, file]) => [file, Number(count)] as const);
    const ofFiles: (readonly Mutant[])[] = [];
    for (const [file, count] of counted) {
      const lists: Record<string, readonly Mutant[]> = await import(
        pathOf(file!.replaceAll("`", ""))
      );
      const listed = Object.values(lists).flat();
      expect(count, file).toBe(listed.length);
      ofFiles.push(listed);
    }
    const named = cells.filter((row) => row.length === 2).map(([name]) => name!);
    expect([...named, ...ofFiles.flat().map(({ name }) => name)].sort()).toEqual(
      mutants.map(({ name }) => name).sort(),
    );
  });
});
