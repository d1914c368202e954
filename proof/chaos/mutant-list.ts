// All broken variants of the system: each part of the system has a file of them.

import type { Mutant } from "./mutant.ts";
import { calendarMutants } from "./mutants-of-calendars.ts";
import { commitMutants } from "./mutants-of-commits.ts";
import { compactionMutants } from "./mutants-of-compaction.ts";
import { declarationMutants } from "./mutants-of-declarations.ts";
import { decodingMutants } from "./mutants-of-decoding.ts";
import { feedMutants } from "./mutants-of-feeds.ts";
import { historyMutants } from "./mutants-of-history.ts";
import { keptBytesMutants } from "./mutants-of-kept-bytes.ts";
import { messageMutants } from "./mutants-of-messages.ts";
import { minuteMutants } from "./mutants-of-minutes.ts";
import { pieceMutants } from "./mutants-of-pieces.ts";
import { promotionMutants } from "./mutants-of-promotions.ts";
import { repeatMutants } from "./mutants-of-repeats.ts";
import { sampleMutants } from "./mutants-of-samples.ts";
import { shareMutants } from "./mutants-of-shares.ts";
import { spoolMutants } from "./mutants-of-spools.ts";
import { stepMutants } from "./mutants-of-steps.ts";
import { textMutants } from "./mutants-of-texts.ts";
import { turnMutants } from "./mutants-of-turns.ts";

export const mutants: readonly Mutant[] = [
  ...commitMutants,
  ...feedMutants,
  ...stepMutants,
  ...spoolMutants,
  ...compactionMutants,
  ...historyMutants,
  ...messageMutants,
  ...decodingMutants,
  ...promotionMutants,
  ...sampleMutants,
  ...repeatMutants,
  ...calendarMutants,
  ...declarationMutants,
  ...shareMutants,
  ...minuteMutants,
  ...textMutants,
  ...turnMutants,
  ...pieceMutants,
  ...keptBytesMutants,
];
