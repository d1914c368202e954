// The words of an enum of the contract as people write them: short, or with the enum's name as
// prefix.

/** The part of an enum's descriptor that describes its values. */
type EnumValues = {
  readonly value: Readonly<Record<number, { readonly localName: string }>>;
  readonly values: readonly {
    readonly number: number;
    readonly localName: string;
    readonly name: string;
  }[];
};

/**
 * Each number under its short and its long name, in upper case: "ACTIVE" and
 * "MACHINE_STATE_ACTIVE". UNSPECIFIED is not a word: it means that nothing is given.
 */
export function enumWords<T extends number>({
  values,
}: Pick<EnumValues, "values">): ReadonlyMap<string, T> {
  const named = values.filter(({ number }) => number !== 0);
  return new Map(
    named.flatMap(({ number, localName, name }) => [
      [localName, number as T],
      [name, number as T],
    ]),
  );
}

/** "ACTIVE" for MACHINE_STATE_ACTIVE; the number of a value that we do not know yet. */
export const toWord = ({ value }: Pick<EnumValues, "value">, number: number): string | number =>
  value[number]?.localName ?? number;
