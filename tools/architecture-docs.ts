// Writes the drawings of docs/architecture.md from the table of arrows. Run it by `npm run docs`.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { withArrows } from "./boundaries/page.ts";

const page = fileURLToPath(new URL("../docs/architecture.md", import.meta.url));
writeFileSync(page, withArrows(readFileSync(page, "utf8")));
