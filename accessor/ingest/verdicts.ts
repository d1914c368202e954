// Collects what is wrong with the records of a batch: neighbours with the same fault become one
// verdict.
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { ErrorReason } from "#gen/millrace/v1/error_reason_pb.ts";
import {
  type RecordKind,
  type Verdict,
  VerdictSchema,
} from "#gen/millrace/v1/ingest_service_pb.ts";
import type { Fault } from "../../codec/row/text-fault.ts";

// Texts are for people, who do not read a thousand; further verdicts have no text.
const maxMessages = 100;

export class Verdicts {
  readonly list: Verdict[] = [];
  #rejected = 0;

  /** How many records are rejected. */
  get rejected(): number {
    return this.#rejected;
  }

  /**
   * Reads the fault's message only if it is returned: building one for each of 65,536 records
   * blocked the event loop for 200 ms.
   */
  add(
    place: { kind: RecordKind; column?: number; first: number; count?: number },
    fault: Fault,
  ): void {
    const { reason } = fault;
    const { kind, column = 0, first, count = 1 } = place;
    const value = ErrorReason[reason];
    this.#rejected += count;
    const last = this.list.at(-1);
    const joins =
      last?.kind === kind &&
      last.column === column &&
      last.reason === value &&
      last.first + last.count === first;
    if (joins) last.count += count;
    else {
      const init: MessageInitShape<typeof VerdictSchema> = {
        kind,
        column,
        first,
        count,
        reason: value,
      };
      const text = this.list.length < maxMessages ? fault.message : "";
      this.list.push(
        create(VerdictSchema, { ...init, retryable: reason === "TIME_IN_FUTURE", message: text }),
      );
    }
  }
}
