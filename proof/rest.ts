// 10,000 requests made from the OpenAPI document, to a gateway and an accessor that run as
// processes with records in them: npm run proofs:rest [-- --requests 10000] [--seed 1]. Exits with
// 1 if any answer is a 5xx or is not described by the document.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { childEnvironment } from "../runtime/config.ts";
import { eventually } from "../test/testing/eventually.ts";
import { startAccessor, startGateway, startProducer } from "../test/testing/processes.ts";
import { KeptPostgres } from "./chaos/kept-postgres.ts";

const { values } = parseArgs({
  options: {
    requests: { type: "string", default: "10000" },
    seed: { type: "string", default: "1" },
  },
});
const checkout = fileURLToPath(new URL("..", import.meta.url));

await using stack = new AsyncDisposableStack();
const postgres = stack.use(await KeptPostgres.open());
const accessor = stack.use(await startAccessor(postgres.url(`rest_${Date.now().toString(36)}`)));
const gateway = stack.use(await startGateway(accessor.url));
const producer = startProducer(
  accessor.url,
  "--machines",
  "3",
  "--signal",
  "temperature",
  "--start",
  "-10m",
  "--duration",
  "10m",
);
if ((await producer.ended) !== 0)
  throw new Error(`the producer failed:\n${producer.lines.slice(-5).join("\n")}`);
await eventually(
  "the records are there",
  async () => (await fetch(`${gateway.url}/signals/power/latest`)).ok,
);

// The generator is a test; its environment configures the requests.
const child = spawn(`${checkout}node_modules/.bin/vitest`, ["run", "gateway/rest/fuzz.test.ts"], {
  cwd: checkout,
  env: childEnvironment({
    MILLRACE_FUZZ_RUNS: values.requests,
    MILLRACE_FUZZ_URL: gateway.url,
    MILLRACE_FUZZ_SEED: values.seed,
  }) as NodeJS.ProcessEnv,
  stdio: "inherit",
});
const [code] = await once(child, "exit");
const complaints = [...gateway.lines, ...accessor.lines].filter((line) =>
  /"level":"(warn|error)"|unhandled|uncaught/i.test(line),
);
for (const line of complaints.slice(0, 20)) console.error(line.slice(0, 500));
console.log(
  `${values.requests} requests, seed ${values.seed}: ${complaints.length} complaints in the logs of gateway and accessor`,
);
process.exitCode = code === 0 ? 0 : 1;
