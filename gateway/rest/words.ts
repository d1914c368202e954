// Enum values in parameters and schemas: the name without the enum's prefix.
import type { DescEnum, EnumShape } from "@bufbuild/protobuf";

/**
 * The value of a word in upper or lower case, with or without the enum's prefix; undefined if the
 * enum has no such word.
 */
export function fromWord<D extends DescEnum>(desc: D, word: string): EnumShape<D> | undefined {
  const upper = word.toUpperCase();
  const found = desc.values.find(
    ({ number, localName, name }) => number !== 0 && (localName === upper || name === upper),
  );
  return found?.number as EnumShape<D> | undefined;
}

/** The words of an enum, without UNSPECIFIED. */
export const wordsOf = (desc: DescEnum): string[] =>
  desc.values.filter(({ number }) => number !== 0).map(({ localName }) => localName);
