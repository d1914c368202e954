// For tests: a gateway before a fake accessor, both on real sockets, and ways to ask it. Disposal
// asserts that everything borrowed is back.
import { setTimeout as sleep } from "node:timers/promises";
import { type Json, toJsonText } from "../../codec/row/json-text.ts";
import { createLog } from "../../runtime/log.ts";
import { eventually } from "../../test/testing/eventually.ts";
import { type Gateway, type GatewayOptions, openGateway } from "../gateway.ts";
import { type FakeAccessor, openFakeAccessor } from "./accessor.ts";

export type TestGateway = AsyncDisposable & {
  readonly accessor: FakeAccessor;
  readonly port: number;
  readonly baseUrl: string;
  /** What the gateway's requests hold now. */
  borrowed(): Record<string, number>;
  /** Closes the gateway alone. */
  close(): Promise<void>;
  /** Answers status, headers and parsed JSON. */
  ask(
    path: string,
    init?: RequestInit,
  ): Promise<{ status: number; headers: Headers; body: Record<string, unknown> }>;
  /** Posts JSON, -0 as -0; a string goes as it is. */
  post(path: string, body: unknown): ReturnType<TestGateway["ask"]>;
};

export async function openTestGateway(options: Partial<GatewayOptions> = {}): Promise<TestGateway> {
  const accessor = await openFakeAccessor();
  const gateway = await openCheckedGateway({ accessorUrl: accessor.url, ...options });
  const baseUrl = `http://127.0.0.1:${gateway.port}`;
  const ask: TestGateway["ask"] = async (path, init) => {
    const response = await fetch(baseUrl + path, init);
    return {
      status: response.status,
      headers: response.headers,
      body: (await response.json()) as Record<string, unknown>,
    };
  };
  return {
    accessor,
    port: gateway.port,
    baseUrl,
    close: gateway.close,
    borrowed: () => gateway.borrowed(),
    ask,
    post: (path, body) =>
      ask(path, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: typeof body === "string" ? body : toJsonText(body as Json),
      }),
    async [Symbol.asyncDispose]() {
      try {
        await gateway[Symbol.asyncDispose]();
      } finally {
        await accessor[Symbol.asyncDispose]();
      }
    },
  };
}

export type CheckedGateway = Gateway & {
  /** Closes it, and looks at nothing. */
  close(): Promise<void>;
};

/**
 * A gateway on a port of its own before any accessor. Disposal asserts that everything borrowed is
 * back.
 */
export async function openCheckedGateway(
  options: Partial<GatewayOptions> & Pick<GatewayOptions, "accessorUrl">,
): Promise<CheckedGateway> {
  const log = createLog({ name: "test", level: "silent" });
  const gateway = await openGateway({ host: "127.0.0.1", port: 0, log, ...options });
  let closed: Promise<void> | undefined;
  const close = async () => {
    closed ??= Promise.resolve(gateway[Symbol.asyncDispose]());
    await closed;
  };
  const left = () =>
    Object.fromEntries(Object.entries(gateway.borrowed()).filter(([, amount]) => amount !== 0));
  const assertNothingBorrowed = async () => {
    const gone = () => Object.keys(left()).length === 0;
    await eventually("everything borrowed is given back", gone).catch((error: Error) => {
      throw new Error(`${error.message}: ${JSON.stringify(left())}`);
    });
  };
  /**
   * Where no request runs nothing is out, also before the gateway stops and with that ends whatever
   * it has.
   */
  const assertIdle = async () => {
    for (let i = 0; i < 20 && gateway.borrowed()["requests"]! > 0; i++) await sleep(10);
    if (gateway.borrowed()["requests"] === 0) await assertNothingBorrowed();
  };
  return {
    port: gateway.port,
    borrowed: () => gateway.borrowed(),
    close,
    async [Symbol.asyncDispose]() {
      if (closed === undefined) await assertIdle();
      await close();
      await assertNothingBorrowed();
    },
  };
}
