// Accessor and gateway for the fuzzer: as processes, with a probe in each, and with keys if
// requested.
import { openKeyFixture } from "../../accessor/testing/keys.ts";
import { eventually } from "../../test/testing/eventually.ts";
import { listening, type Service, startProgram } from "../../test/testing/processes.ts";
import { openProbes, type Probes } from "./cost.ts";

export type FuzzedServices = AsyncDisposable & {
  readonly accessor: Service;
  readonly gateway: Service;
  readonly probes: Probes;
  /**
   * No key, and narrow keys: to read and to write one machine. Only no key if authentication is
   * off.
   */
  readonly credentials: readonly (string | undefined)[];
  readonly goodCredential?: string;
};

export async function startServices(
  databaseUrl: string,
  { keys }: { keys: boolean },
): Promise<FuzzedServices> {
  await using stack = new AsyncDisposableStack();
  const probes = stack.use(await openProbes());
  const made = keys ? await makeKeys(databaseUrl) : { credentials: [undefined] };
  const listen = ["--listen", "127.0.0.1:0"];
  const accessorFlags = [
    ...listen,
    "--bookmark-interval",
    "100ms",
    ...(keys ? ["--auth", "keys"] : []),
  ];
  const env = { ...probes.env, DATABASE_URL: databaseUrl };
  const accessor = stack.use(await listening(startProgram("accessor/main.ts", accessorFlags, env)));
  const gatewayFlags = [...listen, "--accessor", accessor.url];
  const gateway = stack.use(
    await listening(startProgram("gateway/main.ts", gatewayFlags, probes.env)),
  );
  const { goodCredential } = made as { goodCredential?: string };
  if (goodCredential !== undefined) {
    const headers = { authorization: `Bearer ${goodCredential}` };
    await eventually(
      "the keys are known",
      async () => (await fetch(`${gateway.url}/signals`, { headers })).ok,
    );
  }
  const owned = stack.move();
  return { accessor, gateway, probes, ...made, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

async function makeKeys(databaseUrl: string) {
  await using fixture = await openKeyFixture(databaseUrl);
  const own = (scope: "read" | "write") =>
    fixture.create({ scope: [scope], machine: ["fuzz-1"], producer: ["fuzz-1"] });
  const credentials = [undefined, await own("read"), await own("write")];
  return { credentials, goodCredential: await fixture.create({ scope: ["read"] }) };
}
