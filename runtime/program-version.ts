// The version of this program, as package.json names it.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const file = fileURLToPath(new URL("../package.json", import.meta.url));

export const programVersion: string = (
  JSON.parse(readFileSync(file, "utf8")) as { version: string }
).version;
