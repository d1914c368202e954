// The files that have rules, and what each of them imports.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { rooms } from "./arrows.ts";

/** `path` is from the root of the checkout. */
export type SourceFile = { readonly path: string; readonly text: string };

/** All source files of the rooms. */
export function sourceFiles(root: string): SourceFile[] {
  return Object.keys(rooms).flatMap((room) =>
    readdirSync(join(root, room), { recursive: true, encoding: "utf8" })
      .filter((name) => /\.(tsx?|mjs|sql)$/.test(name) && !/^dist\/|node_modules\//.test(name))
      .map((name) => ({
        path: `${room}/${name}`,
        text: readFileSync(join(root, room, name), "utf8"),
      })),
  );
}

/** Test files: they import whatever they need, and no program may import them. */
export const isOfTests = (path: string): boolean => /\.test\.tsx?$|(^|\/)testing\//.test(path);

/** Static imports and re-exports, and `import("x")` on a line without a string before it. */
export function specifiersOf({ text }: SourceFile): string[] {
  const statements =
    /^(?:import|export)\b(?:[^"'();=]*?\bfrom)?\s*"([^"]+)";|^[^"'`\n]*\bimport\("([^"]+)"\)/gm;
  return [...withoutComments(text).matchAll(statements)].flatMap(
    (found) => found[1] ?? found[2] ?? [],
  );
}

/** The path of our file that a specifier means; undefined for a package or a module of Node. */
export function targetOf(path: string, specifier: string): string | undefined {
  if (specifier.startsWith(".")) return normalize(join(dirname(path), specifier));
  return specifier.startsWith("#gen/") ? specifier.slice(1) : undefined;
}

/** The files of ours that a file imports. */
export function importsOf(file: SourceFile): string[] {
  return specifiersOf(file).flatMap((specifier) => targetOf(file.path, specifier) ?? []);
}

export const withoutComments = (text: string): string =>
  text.replace(/\/\*[\s\S]*?\*\/|(^|\s)\/\/.*$/gm, "");

export const roomOf = (path: string): string => path.slice(0, path.indexOf("/"));

/** The folder of a file inside its room, one level deep; "." for the room's own files. */
export function folderOf(path: string): string {
  const [, folder, ...rest] = path.split("/");
  return rest.length === 0 ? "." : folder!;
}
