// Values of OPC UA as plain ones, into which paths of a mapping go.
import { DataType, type DataValue, type Variant } from "node-opcua-client";

/** The value; undefined for types that have none: bytes, and structures that are not known. */
export function plainValue({ dataType, value }: Variant): unknown {
  if (value === null || value === undefined) return null;
  if (Array.isArray(value) && !isInteger64(dataType))
    return value.map((one) => plain(dataType, one));
  if (Array.isArray(value) && value.every((one) => Array.isArray(one)))
    return value.map((one) => plain(dataType, one));
  if (ArrayBuffer.isView(value) && !Buffer.isBuffer(value))
    return Array.from(value as unknown as ArrayLike<number>);
  return plain(dataType, value);
}

const isInteger64 = (dataType: DataType): boolean =>
  dataType === DataType.Int64 || dataType === DataType.UInt64;

function plain(dataType: DataType, value: unknown): unknown {
  switch (dataType) {
    case DataType.Int64:
    case DataType.UInt64:
      return integer64(value as readonly [number, number], dataType === DataType.Int64);
    case DataType.LocalizedText:
      return (value as { text: string | null }).text;
    case DataType.QualifiedName:
      return (value as { name: string | null }).name;
    case DataType.DateTime:
      return (value as Date).toISOString();
    case DataType.NodeId:
    case DataType.ExpandedNodeId:
    case DataType.StatusCode:
    case DataType.Guid:
      return String(value);
    case DataType.ByteString:
      return undefined;
    case DataType.Variant:
      return plainValue(value as Variant);
    case DataType.ExtensionObject:
      return JSON.parse(JSON.stringify(value ?? null));
    default:
      return value;
  }
}

/** A number; its digits where a double does not hold it. */
function integer64([high, low]: readonly [number, number], signed: boolean): number | string {
  const bits = (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
  const value = signed ? BigInt.asIntN(64, bits) : bits;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : String(value);
}

type Times = Pick<DataValue, "sourceTimestamp" | "sourcePicoseconds" | "serverTimestamp">;

/**
 * Microseconds since 1970 at which a value was measured; the server's time if its source has none.
 */
export function timeOf({
  sourceTimestamp,
  sourcePicoseconds,
  serverTimestamp,
}: Times): number | undefined {
  if (sourceTimestamp)
    return sourceTimestamp.getTime() * 1000 + Math.floor((sourcePicoseconds || 0) / 1e6);
  return serverTimestamp ? serverTimestamp.getTime() * 1000 : undefined;
}
