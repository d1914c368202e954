// Counts refusals by reason and limit, in every protocol.
import { ConnectError } from "@connectrpc/connect";
import { ErrorInfoSchema } from "#gen/google/rpc/error_details_pb.ts";
import { ErrorReasonSchema } from "#gen/millrace/v1/error_reason_pb.ts";
import type { Problem } from "../errors/problem.ts";

export type Refusal = { reason: string; limit: string };

const prefix = "ERROR_REASON_";
/**
 * Only names of the contract: another server in the accessor's place must not be able to create any
 * number of labels.
 */
const known = new Set(ErrorReasonSchema.values.map(({ name }) => name.slice(prefix.length)));
const maxLimits = 64;

export class RefusalCounts {
  readonly #counts = new Map<string, { refusal: Refusal; count: number }>();

  /** Counts an error that has a reason. */
  count(error: unknown): void {
    const [info] = ConnectError.from(error).findDetails(ErrorInfoSchema);
    if (info) this.add(info.reason, info.metadata["limit"]);
  }

  /** The same for a problem in an answer. */
  countProblem({ body: { reason, metadata } }: Problem): void {
    const { limit } = (metadata ?? {}) as Record<string, string>;
    if (typeof reason === "string") this.add(reason, limit);
  }

  add(reason: string, limit = ""): void {
    if (!known.has(reason)) return;
    const key = `${reason} ${limit}`;
    const entry = this.#counts.get(key);
    if (entry) entry.count++;
    else if (this.#counts.size < known.size + maxLimits)
      this.#counts.set(key, { refusal: { reason, limit }, count: 1 });
  }

  /** How often each refusal was returned. */
  *all(): Generator<[Refusal, number], void, undefined> {
    for (const { refusal, count } of this.#counts.values()) yield [refusal, count];
  }
}
