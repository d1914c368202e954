// Collects what is wrong with the records of a batch: neighbours with the same fault become one verdict.
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { ErrorReason } from "#gen/millrace/v1/error_reason_pb.ts";
import { type RecordKind, type Verdict, VerdictSchema } from "#gen/millrace/v1/ingest_service_pb.ts";
import type { Reason } from "../failure.ts";

// Texts are for people, and nobody reads a thousand; past this many, verdicts come without.
const maxMessages = 100;

export class Verdicts {
  readonly list: Verdict[] = [];
  #rejected = 0;

  /** How many records are rejected. */
  get rejected(): number {
    return this.#rejected;
  }

  add(
    place: { kind: RecordKind; column?: number; first: number; count?: number },
    reason: Reason,
    message: string,
  ): void {
    const { kind, column = 0, first, count = 1 } = place;
    const value = ErrorReason[reason];
    this.#rejected += count;
    const last = this.list.at(-1);
    const joins =
      last?.kind === kind && last.column === column && last.reason === value && last.first + last.count === first;
    if (joins) last.count += count;
    else {
      const init: MessageInitShape<typeof VerdictSchema> = { kind, column, first, count, reason: value };
      const text = this.list.length < maxMessages ? message : "";
      this.list.push(create(VerdictSchema, { ...init, retryable: reason === "TIME_IN_FUTURE", message: text }));
    }
  }
}
