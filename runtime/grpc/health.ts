// The standard health service (grpc.health.v1) over one flag: serving or not, for the server as a whole and for each service by name.
import { Code, ConnectError, type ServiceImpl } from "@connectrpc/connect";
import { type Health, HealthCheckResponse_ServingStatus as Status } from "#gen/grpc/health/v1/health_pb.ts";

export class HealthState {
  #serving = false;
  #closed = false;
  readonly #waiting = new Set<() => void>();

  get serving(): boolean {
    return this.#serving;
  }

  set(serving: boolean): void {
    if (serving === this.#serving || this.#closed) return;
    this.#serving = serving;
    for (const wake of [...this.#waiting]) wake();
  }

  /** Not serving, for good. */
  close(): void {
    this.set(false);
    this.#closed = true;
  }

  /** Resolves when the flag changes or the signal is aborted. */
  async changed(signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      const settle = () => {
        this.#waiting.delete(settle);
        signal.removeEventListener("abort", settle);
        resolve();
      };
      this.#waiting.add(settle);
      signal.addEventListener("abort", settle, { once: true });
      if (signal.aborted) settle();
    });
  }
}

/** services: full names that Check knows beside "" (the server itself); all share the flag. */
export function createHealthService(state: HealthState, services: readonly string[]): ServiceImpl<typeof Health> {
  const known = new Set(["", ...services]);
  const status = () => (state.serving ? Status.SERVING : Status.NOT_SERVING);
  return {
    check({ service }) {
      if (!known.has(service)) throw new ConnectError(`unknown service ${service}`, Code.NotFound);
      return { status: status() };
    },
    list: () => ({ statuses: Object.fromEntries([...known].map((name) => [name, { status: status() }])) }),
    async *watch({ service }, { signal }) {
      for (;;) {
        yield { status: known.has(service) ? status() : Status.SERVICE_UNKNOWN };
        await state.changed(signal);
        signal.throwIfAborted();
      }
    },
  };
}
