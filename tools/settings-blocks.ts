// The blocks of docs/settings.md that show a program's settings: found by their marks, filled with
// the output of its --help.
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

/**
 * The page with every block after `<!-- settings: FILE -->` replaced by the present output of `node
 * FILE --help`, without its first line.
 */
export function withSettings(page: string): string {
  return page.replace(
    /(<!-- settings: (\S+) -->\n)```text\n[\s\S]*?```/g,
    (_, mark: string, file: string) => {
      const help = execFileSync(process.execPath, [file, "--help"], {
        cwd: root,
        encoding: "utf8",
      });
      return `${mark}\`\`\`text\n${help.slice(help.indexOf("\n\n") + 2)}\`\`\``;
    },
  );
}
