// How many bytes a message had when it arrived: limits are defined in bytes on the wire, which a
// decoded message does not tell.
import type { Message } from "@bufbuild/protobuf";
import { createHiddenValue } from "../hidden-value.ts";

const lengths = createHiddenValue<Message, number>();

export function noteReceived(message: Message, byteLength: number): void {
  lengths.set(message, byteLength);
}

/** 0 for a message that did not come over gRPC. */
export function receivedBytes(message: Message): number {
  return lengths.get(message) ?? 0;
}
