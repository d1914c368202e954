// The arrows that really exist between the files, between rooms and inside each of them.
import { folderOf, importsOf, isOfTests, roomOf, type SourceFile } from "./source-files.ts";

/** From a node to its imports, both sorted. */
export type Arrows = ReadonlyMap<string, readonly string[]>;

/** Between rooms; tests do not count. */
export const usedBetweenRooms = (files: readonly SourceFile[]): Arrows =>
  arrowsOf(files, (path) => roomOf(path));

/** Between the folders of one room; tests do not count. */
export const usedInside = (room: string, files: readonly SourceFile[]): Arrows =>
  arrowsOf(
    files.filter(({ path }) => roomOf(path) === room),
    (path) => (roomOf(path) === room ? folderOf(path) : undefined),
  );

/** Between files, including tests. */
export const usedBetweenFiles = (files: readonly SourceFile[]): Arrows =>
  new Map(files.map((file) => [file.path, importsOf(file).filter((path) => path !== file.path)]));

function arrowsOf(
  files: readonly SourceFile[],
  nodeOf: (path: string) => string | undefined,
): Arrows {
  const arrows = new Map<string, Set<string>>();
  for (const file of files.filter(({ path }) => !isOfTests(path))) {
    const from = nodeOf(file.path)!;
    const known = arrows.get(from) ?? new Set<string>();
    arrows.set(from, known);
    for (const target of importsOf(file)) {
      const to = nodeOf(target);
      if (to !== undefined && to !== from) known.add(to);
    }
  }
  return new Map([...arrows].sort().map(([from, to]) => [from, [...to].sort()]));
}
