// Builds the image of the Dockerfile without an engine, starts the three services from it and calls
// them: npm run image:check
import { mkdtempSync, rmSync } from "node:fs";
import { chmod } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openPostgres } from "../../local/postgres.ts";
import { untilServing } from "../../local/readiness.ts";
import { createLog } from "../../runtime/log.ts";
import { makeBase } from "./base.ts";
import { openBuildah, outputOf } from "./buildah.ts";
import { composedService } from "./compose-file.ts";
import { type Container, openContainer, type Running } from "./container.ts";

const checkout = fileURLToPath(new URL("../..", import.meta.url));
const abort = AbortSignal.timeout(8 * 60_000);
const began = performance.now();
const say = (text: string) =>
  console.log(`${((performance.now() - began) / 1000).toFixed(0).padStart(4)} s  ${text}`);

await assertTools();
await using buildah = openBuildah();
const base = await makeBase(buildah);
say("made a base image of Debian and Node");
await buildah.call(
  "bud",
  "--quiet",
  "--isolation",
  "chroot",
  "--from",
  base,
  "-t",
  "millrace",
  checkout,
);
say("built the image of the Dockerfile");
const dataDir = mkdtempSync(join(tmpdir(), "millrace-image-data-"));
await chmod(dataDir, 0o755);
try {
  await ask(await openContainer(buildah, "localhost/millrace"));
} finally {
  rmSync(dataDir, { recursive: true, force: true });
}

async function assertTools(): Promise<void> {
  if (process.getuid?.() !== 0)
    throw new Error("only root can make the base image: run it as root");
  for (const tool of ["buildah", "debootstrap"]) await outputOf("which", [tool]);
}

/** The services as compose.yaml starts them, on loopback and any free port. */
async function ask(container: Container): Promise<void> {
  const log = createLog({ name: "image", level: "warn", format: "pretty" });
  await using postgres = await openPostgres({ dataDir: join(dataDir, "data"), log, abort });
  const url = new URL(postgres.url);
  url.pathname = "/millrace";
  await using accessor = container.start(commandOf("accessor"), { DATABASE_URL: url.href });
  const accessorUrl = `http://127.0.0.1:${await accessor.port()}`;
  await using gateway = container.start(commandOf("gateway", accessorUrl));
  const gatewayUrl = `http://127.0.0.1:${await gateway.port()}`;
  await using producer = container.start(commandOf("producer", accessorUrl));
  say("started accessor, gateway and producer from it");

  await untilServing(gatewayUrl, { abort, say });
  const response = await fetch(`${gatewayUrl}/signals/power?limit=3`, { signal: abort });
  const { signals } = (await response.json()) as { signals: unknown[] };
  if (response.status !== 200 || signals.length !== 3)
    throw new Error(`the gateway answers ${response.status}`);
  say(`the gateway answers with samples: ${JSON.stringify(signals[0])}`);
  await assertConsole(gatewayUrl);
  await assertHealthy(container, "accessor", accessorUrl);
  await assertHealthy(container, "gateway", `${gatewayUrl}/readyz`);
  for (const [name, service] of Object.entries({ producer, gateway, accessor }))
    await assertStops(name, service);
}

/** A browser gets the console, and the script that its page names. */
async function assertConsole(gatewayUrl: string): Promise<void> {
  const page = await fetch(`${gatewayUrl}/`, { headers: { accept: "text/html" }, signal: abort });
  const script = /src="(\/assets\/[^"]+\.js)"/.exec(await page.text())?.[1];
  const { status } = await fetch(`${gatewayUrl}${script}`, { signal: abort });
  if (script === undefined || status !== 200)
    throw new Error(`the gateway has no console: ${script} gives ${status}`);
  say(`the gateway serves the console: ${script}`);
}

function commandOf(service: string, accessorUrl = ""): string[] {
  return composedService(service).command.map((word) => {
    if (/^0\.0\.0\.0:\d+$/.test(word)) return "127.0.0.1:0";
    return /^http:\/\/accessor:\d+$/.test(word) ? accessorUrl : word;
  });
}

async function assertHealthy(container: Container, service: string, url: string): Promise<void> {
  const words = composedService(service).healthcheck ?? [];
  const code = await container.run(words.map((word) => (word.startsWith("http:") ? url : word)));
  if (code !== 0) throw new Error(`the health check of ${service} ends with ${code}`);
  say(`the health check of ${service} passes`);
}

async function assertStops(name: string, service: Running): Promise<void> {
  const code = await service.stop();
  if (code !== 0)
    throw new Error(`${name} ends with ${code}: ${service.lines.slice(-5).join("\n")}`);
  say(`${name} stops when it is asked to`);
}
