// npm run picture: draws docs/power.svg from the answers of a running gateway, by default that of
// npm start. First send it the minute to draw: RELEASING.md has both commands.
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { drawPower, pictured } from "./power-picture.ts";

const gateway = process.argv[2] ?? "http://127.0.0.1:8080";
const file = fileURLToPath(new URL("../docs/power.svg", import.meta.url));
writeFileSync(file, await drawPower({ gateway, ...pictured }));
