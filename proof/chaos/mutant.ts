// What a mutant is: a broken variant of the system, and what must notice it.

/**
 * chaos: arguments of main.ts; or a test file. says: a line of the output that shows that it is
 * noticed for the right reason.
 */
export type Catch = { chaos?: readonly string[]; test?: string; says: RegExp };

/** Texts that are replaced, each of which stands exactly once in its file. */
export type Mutant = {
  name: string;
  edits: readonly { file: string; find: string; replace: string }[];
  catch: Catch;
};

/** Arguments of the harness: hardly any faults, for mutants that need none. */
export const quiet: readonly string[] = ["--faults", "herd", "--fault-ms", "1500", "--armed", ""];

/**
 * Arguments of the harness: four rounds of a seed. A round says its violations in lines of their
 * own: the sum at the end always has the words.
 */
export const rounds = (seed: number, ...more: string[]): readonly string[] => [
  "--rounds",
  "4",
  "--seed",
  String(seed),
  ...more,
];
