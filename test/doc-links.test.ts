// Every link between documents has a target: the file exists, and so does the heading. The files
// that documents name exist, and so do the pages of docs/ that the code or the contract names.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));

const pages = readdirSync(root)
  .filter((name) => name.endsWith(".md"))
  .concat(filesIn("docs").filter((path) => path.endsWith(".md")));

function filesIn(room: string): string[] {
  return readdirSync(join(root, room), { recursive: true, encoding: "utf8" }).map(
    (name) => `${room}/${name}`,
  );
}

/** Headings as the anchors that GitHub makes of them, without code blocks. */
function anchors(markdown: string): Set<string> {
  const found = new Map<string, number>();
  for (const [, heading] of withoutCode(markdown).matchAll(/^#+ (.+)$/gm)) {
    const slug = heading!
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-");
    const before = found.get(slug) ?? 0;
    found.set(slug, before + 1);
    if (before > 0) found.set(`${slug}-${before}`, 1);
  }
  return new Set(found.keys());
}

const withoutCode = (markdown: string) => markdown.replace(/^ *```[\s\S]*?^ *```/gm, "");

/** Links of a page without a target. Links to other hosts are not checked. */
function brokenLinks(page: string, markdown: string): string[] {
  const links = [...withoutCode(markdown).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link!);
  const local = links.filter((link) => !/^[a-z]+:/.test(link));
  return local.filter((link) => {
    const [path = "", anchor] = link.split("#");
    const target = path === "" ? page : normalize(join(dirname(page), path));
    if (target !== page && !existsSync(join(root, target))) return true;
    if (anchor === undefined) return false;
    const text = target === page ? markdown : readFileSync(join(root, target), "utf8");
    return !anchors(text).has(anchor);
  });
}

test.each(pages)("the links of %s have targets", (page) => {
  expect(brokenLinks(page, readFileSync(join(root, page), "utf8"))).toEqual([]);
});

test("a link to a missing file or heading would be found", () => {
  const page = "# One\n[a](answers.md) [b](#one) [c](absent.md) [d](answers.md#none) [e](#two)";
  expect(brokenLinks("docs/links.md", page)).toEqual(["absent.md", "answers.md#none", "#two"]);
});

/** Files of the checkout that a page names in full; a name with a star or capitals is a pattern. */
function missingFiles(markdown: string): string[] {
  const rooms = readdirSync(root).join("|").replaceAll(".", "\\.");
  const named = markdown.matchAll(new RegExp(`\`((?:${rooms})/[a-z\\d_./-]+\\.[a-z]+)\``, "g"));
  return [...named].map(([, path]) => path!).filter((path) => !existsSync(join(root, path)));
}

// The changelog also names files by their former names.
test.each(pages.filter((page) => page !== "CHANGELOG.md"))(
  "the files that %s names are there",
  (page) => {
    expect(missingFiles(readFileSync(join(root, page), "utf8"))).toEqual([]);
  },
);

test("a file that is not there would be found", () => {
  expect(missingFiles("`test/doc-links.test.ts` and `test/absent.ts`")).toEqual(["test/absent.ts"]);
});

test("pages that code and contract name are there", () => {
  const rooms = readdirSync(root, { withFileTypes: true })
    .filter(
      (entry) => entry.isDirectory() && !/^\.|^(node_modules|gen|docs|contract)$/.test(entry.name),
    )
    .map(({ name }) => name);
  const own = fileURLToPath(import.meta.url);
  const sources = rooms
    .flatMap(filesIn)
    .filter((path) => /\.(ts|mjs|proto)$/.test(path) && join(root, path) !== own);
  const named = sources.flatMap((path) =>
    Array.from(
      readFileSync(join(root, path), "utf8").matchAll(/(?<![\w./-])docs\/[\w/-]+\.md/g),
      ([name]) => ({
        path,
        name,
      }),
    ),
  );
  expect(named.length).toBeGreaterThan(10);
  expect(named.filter(({ name }) => !existsSync(join(root, name)))).toEqual([]);
});
