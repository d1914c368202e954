// docs/tour.md leads through files that exist: each stop names a file and a declaration in it, and
// is connected by imports to the stop before it.
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const page = readFileSync(join(root, "docs/tour.md"), "utf8");
const maxStops = 14;
/** A function with fewer lines than this only forwards. */
const minLines = 5;

type Stop = {
  number: number;
  file: string;
  name: string;
  /** The file that the page names as the connection to the stop before. */
  joint: string | undefined;
  /** It is the first in its process: it is reached over the network. */
  first: boolean;
};

/** The walks of the page, by heading. */
function walksOf(text: string): Map<string, Stop[]> {
  const sections = text.split(/^## /m).slice(1);
  return new Map(
    sections.map((section) => {
      const parts = section.split(/^\*\*In the /m).slice(1);
      const stops = parts.flatMap((part) =>
        part
          .split(/^(?=\d+\. )/m)
          .slice(1)
          .map((item, i) => ({ ...stopOf(item), first: i === 0 })),
      );
      return [section.split("\n", 1)[0]!, stops];
    }),
  );
}

function stopOf(item: string): Omit<Stop, "first"> {
  const link = String.raw`\[\`([^\`]+)\`\]\(\.\./([^)]+)\)`;
  const head = new RegExp(String.raw`^(\d+)\. ${link}, \`(\w+)\`: `).exec(item);
  if (head === null) throw new Error(`not a stop: ${item}`);
  const [, number, shown, file, name] = head;
  if (shown !== file) throw new Error(`${shown} links to ${file}`);
  const joint = new RegExp(String.raw`\(${link}\s+joins`).exec(item)?.[2];
  return { number: Number(number), file: file!, name: name!, joint };
}

function faultsOf(text: string): string[] {
  return [...walksOf(text)].flatMap(([title, stops]) => [
    ...(stops.length > maxStops ? [`${title}: ${stops.length} stops`] : []),
    ...stops.flatMap((stop, i) => stopFaults(stop, i === 0 ? undefined : stops[i - 1]!, i + 1)),
  ]);
}

function stopFaults(stop: Stop, before: Stop | undefined, number: number): string[] {
  const { file, name, joint, first } = stop;
  if (stop.number !== number) return [`${file} is stop ${number}`];
  if (!existsSync(join(root, file))) return [`${file} is not there`];
  const lines = linesOf(file, name);
  if (lines === 0) return [`${file} does not declare ${name}`];
  if (lines < minLines) return [`${name} of ${file} only forwards`];
  if (before === undefined || first) return [];
  const joins = (from: string) => {
    const reached = reachedFrom(from, 2);
    return reached.has(before.file) && reached.has(file);
  };
  return [before.file, file, ...(joint ? [joint] : [])].some(joins)
    ? []
    : [`nothing joins ${before.file} and ${file}`];
}

/** How many lines the declaration of a name in a file has; 0 if the file does not declare it. */
function linesOf(file: string, name: string): number {
  const lines = readFileSync(join(root, file), "utf8").split("\n");
  const word = "(?:async )?(?:function\\*? |class )|const ";
  const declaration = new RegExp(`^(?:export )?(?:${word})${name}\\b`);
  const from = lines.findIndex((line) => declaration.test(line));
  if (from < 0) return 0;
  return lines.findIndex((line, i) => i >= from && /^\}\)?;?$/.test(line)) - from + 1;
}

/** A file and its imports, and theirs, for some steps. */
function reachedFrom(file: string, steps: number): Set<string> {
  const reached = new Set([file]);
  if (steps === 0 || !existsSync(join(root, file))) return reached;
  const imports = /^(?:import|export)\b[^"';]*?\bfrom "(\.[^"]+)";/gm;
  for (const [, path] of readFileSync(join(root, file), "utf8").matchAll(imports)) {
    const target = normalize(join(dirname(file), path!));
    for (const further of reachedFrom(target, steps - 1)) reached.add(further);
  }
  return reached;
}

test("every stop is there and joined to the one before", () => {
  const walks = [...walksOf(page).values()];
  expect(walks).toHaveLength(2);
  for (const stops of walks) expect(stops.length).toBeGreaterThan(5);
  expect(faultsOf(page)).toEqual([]);
});

const stops = [...walksOf(page).values()];
const [, second] = stops[0]!;
const inTheMiddle = stops[1]![2]!;

test.each<[what: string, changed: string, fault: string]>([
  [
    "a file that has moved",
    page.replaceAll(second!.file, "producer/gone.ts"),
    "producer/gone.ts is not there",
  ],
  [
    "a name that has changed",
    page.replace(`\`${second!.name}\``, "`createNothing`"),
    `${second!.file} does not declare createNothing`,
  ],
  [
    "a stop that is left out",
    page.replace(new RegExp(`^${inTheMiddle.number}\\. [\\s\\S]*?(?=^\\d+\\. )`, "m"), ""),
    "is stop",
  ],
  ["a stop too many", page.replace(/^14\. ([\s\S]*?\n\n)/m, "$&15. $1"), "15 stops"],
  [
    "a stop that nothing joins",
    page.replaceAll(inTheMiddle.file, "tools/advisories.ts").replace(inTheMiddle.name, "judge"),
    "nothing joins",
  ],
])("%s would be noticed", (_, changed, fault) => {
  expect(changed).not.toBe(page);
  expect(faultsOf(changed).join("\n")).toContain(fault);
});
