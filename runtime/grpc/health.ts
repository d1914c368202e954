// The standard health service (grpc.health.v1): serving or not, for the server as a whole ("") and
// for each service by its full name.
import { Code, ConnectError, type ServiceImpl } from "@connectrpc/connect";
import {
  type Health,
  HealthCheckResponse_ServingStatus as Status,
} from "#gen/grpc/health/v1/health_pb.ts";

export class HealthState {
  /** By service name; "" is the server. */
  readonly #serving: Map<string, boolean>;
  #closed = false;
  readonly #waiting = new Set<() => void>();

  /** services: known full names, besides "". None serves yet. */
  constructor(services: readonly string[]) {
    this.#serving = new Map(["", ...services].map((name) => [name, false]));
  }

  get names(): string[] {
    return [...this.#serving.keys()];
  }

  /** undefined: no such service. */
  serving(name: string): boolean | undefined {
    return this.#serving.get(name);
  }

  /** Sets the state of one service, of the server with "", or of all of them. */
  set(serving: boolean, name?: string): void {
    if (this.#closed) return;
    const names = name === undefined ? this.names : [name];
    if (names.every((each) => this.#serving.get(each) === serving)) return;
    for (const each of names) this.#serving.set(each, serving);
    for (const wake of [...this.#waiting]) wake();
  }

  /** Marks everything as not serving, permanently. */
  close(): void {
    this.set(false);
    this.#closed = true;
  }

  /** Resolves when anything changes or the signal is aborted. */
  async changed(abort: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      const settle = () => {
        this.#waiting.delete(settle);
        abort.removeEventListener("abort", settle);
        resolve();
      };
      this.#waiting.add(settle);
      abort.addEventListener("abort", settle, { once: true });
      if (abort.aborted) settle();
    });
  }
}

export function createHealthService(state: HealthState): ServiceImpl<typeof Health> {
  const statusOf = (name: string) => {
    const serving = state.serving(name);
    return serving === undefined
      ? Status.SERVICE_UNKNOWN
      : serving
        ? Status.SERVING
        : Status.NOT_SERVING;
  };
  return {
    check({ service }) {
      const status = statusOf(service);
      if (status === Status.SERVICE_UNKNOWN)
        throw new ConnectError(`unknown service ${service}`, Code.NotFound);
      return { status };
    },
    list: () => ({
      statuses: Object.fromEntries(state.names.map((name) => [name, { status: statusOf(name) }])),
    }),
    async *watch({ service }, { signal: abort }) {
      for (let sent: Status | undefined; ; ) {
        const status = statusOf(service);
        if (status !== sent) yield { status };
        sent = status;
        if (status === statusOf(service)) await state.changed(abort);
        abort.throwIfAborted();
      }
    },
  };
}
