// The one error the block codec throws, with a reason to branch on instead of a message to parse.

/**
 * Why a block could not be read or written.
 * - `truncated`: the bytes end before the block does.
 * - `version`: the leading byte names a format this code does not know.
 * - `corrupt`: a field contradicts the format or another field, or bytes follow the end.
 * - `too-large`: more samples than `maxCount` (reading) or than the format holds (writing).
 * - `invalid-column`: the column breaks its contract (empty, unequal lengths, unsorted or
 *   fractional times).
 * - `no-room`: the arrays handed to `decodeBlockInto` are too short.
 */
export type BlockErrorReason =
  | "truncated"
  | "version"
  | "corrupt"
  | "too-large"
  | "invalid-column"
  | "no-room";

/** A block that can't be read or a column that can't be written; `reason` tells why. */
export class BlockError extends Error {
  override readonly name = "BlockError";
  readonly reason: BlockErrorReason;

  constructor(reason: BlockErrorReason, message: string) {
    super(message);
    this.reason = reason;
  }
}
