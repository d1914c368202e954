// npm run picture: draws docs/power.svg from what a gateway that runs answers, by default that of
// npm start. Send it the minute that is drawn first: RELEASING.md has both commands.
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { drawPower, pictured } from "./power-picture.ts";

const gateway = process.argv[2] ?? "http://127.0.0.1:8080";
const file = fileURLToPath(new URL("../docs/power.svg", import.meta.url));
writeFileSync(file, await drawPower({ gateway, ...pictured }));
