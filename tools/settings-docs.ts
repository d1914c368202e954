// Writes the settings of each program, as its --help prints them, into docs/settings.md. Run it
// by `npm run docs`.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { withSettings } from "./settings-blocks.ts";

const page = fileURLToPath(new URL("../docs/settings.md", import.meta.url));
writeFileSync(page, withSettings(readFileSync(page, "utf8")));
