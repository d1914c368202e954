// Decides what ended a session: a permanent failure, or something that reconnecting may mend.
import { ConnectError } from "@connectrpc/connect";
import { ErrorInfoSchema, RetryInfoSchema } from "#gen/google/rpc/error_details_pb.ts";

/** A failure that reconnecting cannot mend. */
export class UplinkError extends Error {
  override readonly name = "UplinkError";
}

/** The permanent failure that a problem means; undefined if reconnecting may mend it. */
export function toUplinkError(
  problem: unknown,
  { producerId, ackedSequence }: { producerId: string; ackedSequence: number },
): UplinkError | undefined {
  if (problem instanceof UplinkError) return problem;
  if (!(problem instanceof ConnectError)) return undefined;
  const info = problem.findDetails(ErrorInfoSchema)[0];
  const answer = problem.rawMessage;
  switch (info?.reason) {
    case "SEQUENCE_CONFLICT":
      return new UplinkError(
        `producer "${producerId}": batch ${info.metadata["sequence"]} is already stored with different content. ` +
          "Two producers share this id, or one of them started its numbers again from 1. " +
          `Nothing was overwritten (${answer})`,
      );
    case "SEQUENCE_GAP": {
      const expected = Number(info.metadata["expected_sequence"]);
      // The outbox still holds it: the next welcome makes the session continue there.
      if (expected > ackedSequence) return undefined;
      return new UplinkError(
        `producer "${producerId}": the accessor expects batch ${expected}, ` +
          `which it had acknowledged and which is no longer held here (${answer})`,
      );
    }
    case "PRODUCER_ID_INVALID":
    case "HELLO_REQUIRED":
      return new UplinkError(`the accessor refuses producer "${producerId}": ${answer}`);
    default:
      return undefined;
  }
}

/** How long the server asks to wait; 0 if it does not. */
export function retryDelayMs(problem: unknown): number {
  const delay =
    problem instanceof ConnectError
      ? problem.findDetails(RetryInfoSchema)[0]?.retryDelay
      : undefined;
  return delay ? Math.min(60_000, Number(delay.seconds) * 1000 + delay.nanos / 1e6) : 0;
}
