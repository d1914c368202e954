// The rules of docs/architecture.md for one file: its imports, its name, its length, and things
// that only one place may do.
import { folders, packageOwners, rooms, sharedByTests } from "./arrows.ts";
import {
  folderOf,
  isOfTests,
  roomOf,
  type SourceFile,
  specifiersOf,
  targetOf,
  withoutComments,
} from "./source-files.ts";

const vagueName = /(^|\/)(utils?|types|helpers?|constants|index|common|misc)\.[a-z]+$/;
const maxLines = 300;
/** Files that a program wrote, as long as their contents require. */
const written = /^accessor\/store\/schema\.sql$|^accessor\/testing\/data-of-\d+\//;

/** Things that only one place does, identified by a word. */
const owners: readonly { what: RegExp; where: RegExp; why: string }[] = [
  {
    what: /\bprocess\.env\b/,
    where: /^runtime\/config\.ts$/,
    why: "runtime/config.ts reads the environment",
  },
  {
    what: /\bprocess\.exit\(|\bprocess\.on\(/,
    where: /^runtime\/lifecycle\.ts$|^tools\//,
    why: "runtime/lifecycle.ts starts and ends processes",
  },
  {
    what: /\bsql\.(type|unsafe|fragment|typeAlias)\b/,
    where: /^accessor\/store\//,
    why: "accessor/store/ has every statement of SQL",
  },
];

/** Rooms that contain only tests and measurements. */
const outside = new Set(["test", "proof", "bench", "tools"]);

/** The faults of the file, each preceded by its path. */
export function violationsOf(file: SourceFile): string[] {
  const found = [...nameAndLength(file), ...imports(file), ...ownership(file), ...domainWord(file)];
  return found.map((violation) => `${file.path}: ${violation}`);
}

function nameAndLength({ path, text }: SourceFile): string[] {
  const lines = text.split("\n").length - 1;
  return [
    ...(vagueName.test(path) ? ["a name that says nothing of what is inside"] : []),
    ...(lines > maxLines && !written.test(path)
      ? [`${lines} lines, ${maxLines} are the limit`]
      : []),
  ];
}

function imports(file: SourceFile): string[] {
  return rooms[roomOf(file.path)] === undefined
    ? ["in no room of the table"]
    : specifiersOf(file).flatMap((specifier) => {
        if (specifier.startsWith("node:")) return [];
        const target = targetOf(file.path, specifier);
        if (target === undefined)
          return mayImportPackage(file.path, specifier)
            ? []
            : [`may not import the package ${specifier}`];
        return mayImport(file.path, target) ? [] : [`may not import ${target}`];
      });
}

function mayImportPackage(path: string, specifier: string): boolean {
  if (isOfTests(path)) return true;
  const { packages } = rooms[roomOf(path)]!;
  const named = packages.find((name) => `${specifier}/`.startsWith(`${name}/`));
  const owner = named === undefined ? undefined : packageOwners[named];
  return packages.includes("*") || (named !== undefined && path.startsWith(owner ?? ""));
}

function mayImport(path: string, target: string): boolean {
  const [room, other] = [roomOf(path), roomOf(target)];
  if (/(^|\/)main\.tsx?$/.test(target)) return false;
  if (/\.test\.ts$/.test(target)) return target === path;
  if (isOfTests(path) || outside.has(room)) {
    const { to } = rooms[room]!;
    const shared = isOfTests(path) && sharedByTests.some((prefix) => target.startsWith(prefix));
    return room === other || shared || to.includes("*") || to.includes(other);
  }
  if (isOfTests(target)) return false;
  if (room !== other) return rooms[room]!.to.includes(other);
  const [from, into] = [folderOf(path), folderOf(target)];
  return from === into || folders[room]?.[from]?.includes(into) === true;
}

function ownership({ path, text }: SourceFile): string[] {
  if (isOfTests(path) || path.startsWith("test/") || path.startsWith("proof/")) return [];
  const code = withoutComments(text);
  return owners.flatMap(({ what, where, why }) =>
    what.test(code) && !where.test(path) ? [why] : [],
  );
}

function domainWord({ path, text }: SourceFile): string[] {
  if (!path.startsWith("runtime/") || isOfTests(path)) return [];
  // A signal also ends a process, so the word alone proves nothing.
  const found = /\b(machines?|batch(es)?|samples?|telemetry|sensors?|producers?|accessor)\b/i.exec(
    withoutComments(text),
  );
  return found === null ? [] : [`runtime/ speaks no domain word, here "${found[0]}"`];
}
