// The memory cost of each field of a message, from its descriptor: computed once for each type.
import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";

/** A field of an unknown number is not kept, but skipping it takes the time of some 64 bytes. */
export const unknownCost = 64;
export const fieldCost = 8;
const textCost = 32;
/** Cost of a bigint and its array slot, and of a number's array slot. */
const bigintCost = 32;
const numberCost = 16;

export const wire = { varint: 0, fixed64: 1, length: 2, start: 3, end: 4, fixed32: 5 } as const;

export type Plan = { cost: number; fields: Map<number, FieldPlan> };
export type FieldPlan = {
  /** Wire type of one value. */
  type: number;
  /** Whether values may come together in one field of bytes. */
  packable: boolean;
  /** Whether a message has it once at most. */
  singular: boolean;
  cost: number;
  /** Cost of each byte in it, for texts. */
  perByte: number;
  message: (() => Plan) | undefined;
};

const plans = new WeakMap<DescMessage, Plan>();

export function planOf(desc: DescMessage): Plan {
  const known = plans.get(desc);
  if (known !== undefined) return known;
  const lists = desc.fields.filter(
    ({ fieldKind }) => fieldKind === "list" || fieldKind === "map",
  ).length;
  const plan = { cost: 64 + 16 * desc.fields.length + 32 * lists, fields: new Map() };
  plans.set(desc, plan);
  for (const field of desc.fields) plan.fields.set(field.number, planField(field));
  return plan;
}

function planField(field: DescField): FieldPlan {
  const inOneof = field.oneof === undefined ? 0 : 48;
  const isList = field.fieldKind === "list";
  if (field.fieldKind === "map")
    return { ...ofLength, singular: false, cost: 0, message: () => planEntry(field) };
  if (field.message !== undefined) {
    const { message } = field;
    // For a oneof, each occurrence makes an object beside the message.
    if (field.delimitedEncoding)
      return {
        ...ofLength,
        type: wire.start,
        singular: !isList,
        cost: unknownCost,
        message: undefined,
      };
    let inner: Plan | undefined;
    const lazily = () => {
      inner ??=
        inOneof > 0
          ? { ...planOf(message), cost: planOf(message).cost + inOneof }
          : planOf(message);
      return inner;
    };
    return { ...ofLength, singular: !isList, cost: 0, message: lazily };
  }
  const scalar = field.enum === undefined ? field.scalar! : ScalarType.INT32;
  const { cost, ...one } = planScalar(scalar);
  return {
    ...one,
    singular: !isList,
    packable: isList && one.packable,
    cost: cost + (isList ? 0 : fieldCost) + inOneof,
  };
}

const ofLength = { type: wire.length, packable: false, singular: true, perByte: 0 };

const entries = new WeakMap<DescField, Plan>();

/** The plan of a map entry: key in field 1, value in field 2. */
function planEntry(field: DescField & { fieldKind: "map" }): Plan {
  const known = entries.get(field);
  if (known !== undefined) return known;
  const { message } = field;
  const value = message
    ? { ...ofLength, cost: 0, message: () => planOf(message) }
    : planScalar(field.enum === undefined ? field.scalar! : ScalarType.INT32);
  const plan = { cost: 64, fields: new Map([[1, planScalar(field.mapKey)]]).set(2, value) };
  entries.set(field, plan);
  return plan;
}

function planScalar(scalar: ScalarType): FieldPlan {
  const message = undefined;
  switch (scalar) {
    case ScalarType.STRING:
      return { ...ofLength, cost: textCost, perByte: 2, message };
    case ScalarType.BYTES:
      return { ...ofLength, cost: 96, message };
    case ScalarType.INT64:
    case ScalarType.UINT64:
    case ScalarType.SINT64:
      return {
        type: wire.varint,
        packable: true,
        singular: true,
        cost: bigintCost,
        perByte: 0,
        message,
      };
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return {
        type: wire.fixed64,
        packable: true,
        singular: true,
        cost: bigintCost,
        perByte: 0,
        message,
      };
    case ScalarType.DOUBLE:
      return {
        type: wire.fixed64,
        packable: true,
        singular: true,
        cost: numberCost,
        perByte: 0,
        message,
      };
    case ScalarType.FLOAT:
    case ScalarType.FIXED32:
    case ScalarType.SFIXED32:
      return {
        type: wire.fixed32,
        packable: true,
        singular: true,
        cost: numberCost,
        perByte: 0,
        message,
      };
    default:
      return {
        type: wire.varint,
        packable: true,
        singular: true,
        cost: numberCost,
        perByte: 0,
        message,
      };
  }
}
