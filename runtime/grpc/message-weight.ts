// Counts the parts of a message: messages, and texts in lists. The time to encode a message depends
// on that number, and little on its bytes.
import { type DescField, type DescMessage, type DescOneof, ScalarType } from "@bufbuild/protobuf";

/** A message, or an init shape of one. */
export type Fields = { readonly [field: string]: unknown };

export type ListField = DescField & { fieldKind: "list" };
export type InnerField = DescField & { fieldKind: "message" };

/**
 * Where a message of a type may have many parts: in its lists, and in messages that may have lists.
 */
type Places = {
  readonly lists: readonly ListField[];
  readonly inner: readonly InnerField[];
  readonly oneofs: readonly DescOneof[];
};

const placesByType = new Map<string, Places>();

/** This many texts of a list take as long as one message. */
const textsAsOne = 8;

/** Counts the parts of a message, up to `enough`. */
export function weigh(desc: DescMessage, fields: Fields, enough: number): number {
  const { lists, inner, oneofs } = placesOf(desc);
  let parts = 1;
  for (const field of lists) {
    const list = fields[field.localName] as readonly Fields[] | undefined;
    if (list === undefined) continue;
    if (field.listKind !== "message") parts += list.length / textsAsOne;
    else if (isSmall(field.message)) parts += list.length;
    else
      for (let i = 0; i < list.length && parts < enough; i++)
        parts += weigh(field.message, list[i]!, enough - parts);
    if (parts >= enough) return parts;
  }
  for (const { localName, message } of inner) {
    const value = fields[localName] as Fields | undefined;
    if (value !== undefined) parts += weigh(message, value, enough - parts);
    if (parts >= enough) return parts;
  }
  for (const oneof of oneofs) {
    const chosen = chosenOf(oneof, fields);
    if (chosen !== undefined) parts += weigh(chosen.field.message, chosen.value, enough - parts);
  }
  return parts;
}

/** The message that is set in a oneof, if any. */
export function chosenOf(
  oneof: DescOneof,
  fields: Fields,
): { field: InnerField; value: Fields } | undefined {
  const { case: name, value } = (fields[oneof.localName] ?? {}) as {
    case?: string;
    value?: Fields;
  };
  const field =
    name === undefined ? undefined : oneof.fields.find(({ localName }) => localName === name);
  return field?.fieldKind === "message" && value !== undefined ? { field, value } : undefined;
}

/** Whether a list has numbers, thousands of which are packed into one field. */
export const isOfNumbers = (field: ListField): boolean =>
  field.listKind === "enum" || (field.listKind === "scalar" && field.scalar !== ScalarType.STRING);

/** Whether messages of a type have few parts whatever their content. */
function isSmall(desc: DescMessage): boolean {
  const { lists, inner, oneofs } = placesOf(desc);
  return lists.length + inner.length + oneofs.length === 0;
}

function placesOf(desc: DescMessage): Places {
  let places = placesByType.get(desc.typeName);
  if (places === undefined) {
    const seen = new Set([desc.typeName]);
    const lists = desc.fields.filter(isCounted);
    const inner = desc.fields.filter(
      (field) => field.oneof === undefined && mayHaveLists(field, seen),
    ) as InnerField[];
    const oneofs = desc.oneofs.filter(({ fields }) =>
      fields.some((field) => mayHaveLists(field, seen)),
    );
    places = { lists, inner, oneofs };
    placesByType.set(desc.typeName, places);
  }
  return places;
}

const isCounted = (field: DescField): field is ListField =>
  field.fieldKind === "list" && !isOfNumbers(field);

function mayHaveLists(field: DescField, seen: ReadonlySet<string>): boolean {
  if (field.fieldKind !== "message" || seen.has(field.message.typeName)) return false;
  const below = new Set(seen).add(field.message.typeName);
  return field.message.fields.some((one) => isCounted(one) || mayHaveLists(one, below));
}
