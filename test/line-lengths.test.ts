// Lines of documents and of comments have at most 100 characters. The formatter takes care of code.
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const maxLength = 100;

/** Comments on lines of their own, or after code, by the file's extension. */
const comments: Record<string, RegExp> = {
  ts: /^\s*(\/\/|\/?\*)|[;,{}()[\]]\s+\/\/ /,
  mjs: /^\s*(\/\/|\/?\*)|[;,{}()[\]]\s+\/\/ /,
  proto: /\/\//,
  sql: /^\s*(--|\/?\*)|\s-- /,
  sh: /^\s*#|\s# /,
};

/** A comment that a tool reads, and that has to be a single line. */
const directive = /\bbiome-ignore\b|@ts-expect-error|\beslint-disable\b|^#!/;

/** Migrations on main must not change, not even in a comment. */
const landedMigrations = 46;

/** Numbers of lines that are too long and could be broken. */
function longLines(path: string, text: string): number[] {
  const ending = /\.([a-z]+)$/.exec(path)?.[1] ?? "sh";
  const lines = text.split("\n").map((line, index) => ({ line, number: index + 1 }));
  const wrapped =
    ending === "md" ? proseOf(lines) : lines.filter(({ line }) => comments[ending]?.test(line));
  return wrapped
    .filter(({ line }) => line.length > maxLength && !directive.test(line) && canBreak(line))
    .map(({ number }) => number);
}

/** Without code blocks and rows of tables, which cannot be wrapped. */
function proseOf<Line extends { line: string }>(lines: readonly Line[]): Line[] {
  let fence: string | undefined;
  return lines.filter(({ line }) => {
    const mark = /^\s*(```+|~~~+)/.exec(line)?.[1];
    if (mark !== undefined && (fence === undefined || mark.startsWith(fence))) {
      fence = fence === undefined ? mark : undefined;
      return false;
    }
    return fence === undefined && !/^\s*\|/.test(line);
  });
}

/** Whether each part of the line fits: a URL, or code that must not be broken, may be too long. */
function canBreak(line: string): boolean {
  const indent = /^\s*(?:(?:\/\/|\*|--|#|[-*]|\d+\.)\s+)?/.exec(line)![0].length;
  const parts = line.slice(indent).match(/`[^`]*`\S*|\S+/g) ?? [];
  return parts.every((part) => indent + part.length <= maxLength);
}

function sources(): string[] {
  const skipped = /^(node_modules|gen|contract|\.git|\.proto-deps|\.millrace)$/;
  const entries = readdirSync(root).filter((name) => !skipped.test(name));
  const paths = entries.flatMap((name) =>
    statSync(join(root, name)).isDirectory()
      ? readdirSync(join(root, name), { recursive: true, encoding: "utf8" }).map(
          (path) => `${name}/${path}`,
        )
      : [name],
  );
  return paths.filter(
    (path) =>
      /\.(md|ts|mjs|proto|sql|sh)$|^\.ci\/[a-z]+$/.test(path) &&
      !path.includes("/node_modules/") &&
      !isLanded(path),
  );
}

const isLanded = (path: string) =>
  Number(/migrations\/(\d{4})_/.exec(path)?.[1] ?? Infinity) <= landedMigrations;

test("no line of a document or comment is too long", () => {
  const paths = sources();
  expect(paths.length).toBeGreaterThan(300);
  const found = paths.flatMap((path) =>
    longLines(path, readFileSync(join(root, path), "utf8")).map((line) => `${path}:${line}`),
  );
  expect(found).toEqual([]);
});

const words = "word ".repeat(20);
const url = `https://example.com/${"a".repeat(100)}`;
test.each<[what: string, path: string, text: string, lines: number[]]>([
  ["a paragraph", "a.md", `short\n${words}end`, [2]],
  ["a list", "a.md", `* ${words}`, [1]],
  ["prose after a code block", "a.md", `\`\`\`sh\n${words}\n\`\`\`\n${words}x`, [4]],
  ["a row of a table", "a.md", `| ${words} |`, []],
  ["a URL", "a.md", `see\n${url}`, []],
  ["code in a paragraph", "a.md", `* \`${words}\``, []],
  ["a comment", "a.ts", `const a = 1;\n// ${words}`, [2]],
  ["a comment behind code", "a.ts", `const a = 1; // ${words}`, [1]],
  ["a block of comment", "a.ts", `/**\n * ${words}\n */`, [2]],
  ["a text in code", "a.ts", `const a = "${words}";`, []],
  ["a comment with a URL", "a.ts", `// See\n// ${url}`, []],
  ["a directive", "a.ts", `// biome-ignore lint/x: ${words}`, []],
  ["a comment of a contract", "a.proto", `  // ${words}`, [1]],
  ["a comment of a statement", "a.sql", `select 1;\n-- ${words}`, [2]],
  ["a comment of a script", ".ci/run", `true\n# ${words}`, [2]],
])("%s is judged", (_, path, text, lines) => {
  expect(longLines(path, text)).toEqual(lines);
});

test("only landed migrations are left out", () => {
  expect(isLanded("accessor/store/migrations/0046_hours_of_lines.sql")).toBe(true);
  expect(isLanded("accessor/store/migrations/0047_new.sql")).toBe(false);
});
