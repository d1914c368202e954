// Limits per client: requests and records per second, and concurrent streams, by key and by
// address. Decides only; independent of HTTP.
import { Code, type ConnectError } from "@connectrpc/connect";
import { type Rate, type Taken, TokenBuckets } from "../../access/token-buckets.ts";
import { reasonError } from "../errors/reasons.ts";

/** undefined: no limit. */
export type ClientLimits = {
  requests: Rate | undefined;
  /** Records received: samples, state changes and error reports. */
  samples: Rate | undefined;
  /** Concurrent requests whose answer or body may last for ever. */
  streams: number | undefined;
};

export type LimiterOptions = {
  perKey: ClientLimits;
  perAddress: ClientLimits;
  /** Milliseconds that only go forward. */
  monotonicMs?: () => number;
  /** Most keys, and most addresses, to remember. Default 20,000. */
  maxClients?: number;
};

/** The state of a quota after a request, for its answer. */
export type Quota = { name: string; rate: Rate; taken: Taken };

export type Admission = {
  /** Quotas that apply to the request. */
  quotas: Quota[];
  /** undefined: admitted. */
  refusal: Refusal | undefined;
  /** For an admitted stream whose number is limited: dispose of it once the stream has ended. */
  place?: Disposable;
};

export type Refusal = { limit: string; error: ConnectError };

/** What a request is going to do. */
export type Demand = { streams: boolean; writes: boolean };

export type ClientKind = "key" | "address";

export class Limiter {
  readonly #clients: Record<ClientKind, ClientBook>;
  readonly #refused = new Map<string, number>();

  constructor({
    perKey,
    perAddress,
    monotonicMs = () => performance.now(),
    maxClients,
  }: LimiterOptions) {
    const book = (kind: ClientKind, limits: ClientLimits) =>
      new ClientBook(kind, limits, { monotonicMs, maxClients });
    this.#clients = { key: book("key", perKey), address: book("address", perAddress) };
  }

  /** How many requests were refused, by limit. */
  get refused(): ReadonlyMap<string, number> {
    return this.#refused;
  }

  /** Counts a request against a client. */
  enter(kind: ClientKind, client: string, demand: Demand): Admission {
    return this.#noted(this.#clients[kind].enter(client, demand));
  }

  /** Checks only the debt of a client's records, for a request that was already counted. */
  enterRecords(kind: ClientKind, client: string): Admission {
    return this.#noted(this.#clients[kind].enterRecords(client));
  }

  #noted(admission: Admission): Admission {
    const limit = admission.refusal?.limit;
    if (limit !== undefined) this.#refused.set(limit, (this.#refused.get(limit) ?? 0) + 1);
    return admission;
  }

  /** How many streams are open, for keys and addresses with a limit on streams. */
  get streams(): number {
    return this.#clients.key.streams + this.#clients.address.streams;
  }

  /** Counts received records; returns how long to wait before reading more, in milliseconds. */
  charge(kind: ClientKind, client: string, records: number): number {
    return this.#clients[kind].charge(client, records);
  }
}

class ClientBook {
  readonly #kind: ClientKind;
  readonly #maxStreams: number | undefined;
  readonly #requests: TokenBuckets | undefined;
  readonly #samples: TokenBuckets | undefined;
  /** Bounded by the number of connections. */
  readonly #streams = new Map<string, number>();

  constructor(
    kind: ClientKind,
    { requests, samples, streams }: ClientLimits,
    { monotonicMs, maxClients }: { monotonicMs: () => number; maxClients: number | undefined },
  ) {
    const buckets = (rate: Rate | undefined) =>
      rate &&
      new TokenBuckets({ ...rate, monotonicMs, ...(maxClients && { maxKeys: maxClients }) });
    this.#kind = kind;
    this.#maxStreams = streams;
    this.#requests = buckets(requests);
    this.#samples = buckets(samples);
  }

  enter(client: string, { streams, writes }: Demand): Admission {
    const requests = this.#take("requests", this.#requests, client, 1);
    if (requests.refusal || !writes) return this.#enterStreams(client, streams, requests);
    const records = this.enterRecords(client);
    const quotas = [...requests.quotas, ...records.quotas];
    return this.#enterStreams(client, streams, { quotas, refusal: records.refusal });
  }

  #enterStreams(client: string, streams: boolean, admission: Admission): Admission {
    const { quotas } = admission;
    if (admission.refusal) return admission;
    if (!streams || this.#maxStreams === undefined) return { quotas, refusal: undefined };
    const open = this.#streams.get(client) ?? 0;
    if (open >= this.#maxStreams) return { quotas, refusal: this.#refuse("streams", 1_000) };
    this.#streams.set(client, open + 1);
    const place = new DisposableStack();
    place.defer(() => this.#leave(client));
    return { quotas, refusal: undefined, place };
  }

  /**
   * The number of records in the request is not known yet, so only a debt of earlier requests
   * refuses it.
   */
  enterRecords(client: string): Admission {
    return this.#take("samples", this.#samples, client, 0);
  }

  #take(
    what: "requests" | "samples",
    buckets: TokenBuckets | undefined,
    client: string,
    amount: number,
  ): Admission {
    if (!buckets) return { quotas: [], refusal: undefined };
    const taken = buckets.take(client, amount);
    const quotas = [{ name: `${what}-per-${this.#kind}`, rate: buckets.rate, taken }];
    return { quotas, refusal: taken.granted ? undefined : this.#refuse(what, taken.retryMs) };
  }

  get streams(): number {
    let sum = 0;
    for (const open of this.#streams.values()) sum += open;
    return sum;
  }

  #leave(client: string): void {
    const left = this.#streams.get(client)! - 1;
    if (left > 0) this.#streams.set(client, left);
    else this.#streams.delete(client);
  }

  charge(client: string, records: number): number {
    return this.#samples?.charge(client, records).retryMs ?? 0;
  }

  #refuse(what: "requests" | "samples" | "streams", retryMs: number): Refusal {
    const limit = `${what}-per-${this.#kind}`;
    const most =
      what === "streams"
        ? `${this.#maxStreams} streams at once`
        : `${(what === "requests" ? this.#requests : this.#samples)!.rate.perSecond} ${what} a second`;
    const whose = this.#kind === "key" ? "the credential's" : "the address's";
    const message = `over ${whose} limit of ${most}: try again later`;
    const error = reasonError("RATE_LIMITED", Code.ResourceExhausted, message, {
      metadata: { limit },
      retryMs,
    });
    return { limit, error };
  }
}
