// Defines a mutant: a broken variant of the system, and the check that must notice it.

/**
 * chaos: arguments of main.ts; or a test file. says: a line of the output that shows that it is
 * noticed for the right reason.
 */
export type Catch = { chaos?: readonly string[]; test?: string; says: RegExp };

/** Texts to replace, each of which occurs exactly once in its file. */
export type Mutant = {
  name: string;
  edits: readonly { file: string; find: string; replace: string }[];
  catch: Catch;
};

/** Arguments of the harness: hardly any faults, for mutants that need none. */
export const quiet: readonly string[] = ["--faults", "herd", "--fault-ms", "1500", "--armed", ""];

/**
 * Arguments of the harness: four rounds of a seed. A round prints each violation on its own line:
 * the summary at the end always contains the words.
 */
export const rounds = (seed: number, ...more: string[]): readonly string[] => [
  "--rounds",
  "4",
  "--seed",
  String(seed),
  ...more,
];
