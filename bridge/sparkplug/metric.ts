// The value of a metric by its type, and the properties that matter.
import type { Metric } from "#gen/sparkplug/b/v1/payload_pb.ts";

/** Bits of the signed integers, by the number of their type. */
const signedBits: Readonly<Record<number, number>> = { 1: 8, 2: 16, 3: 32, 4: 64 };
const dateTime = 13;

/**
 * A number, boolean or text; undefined: there is none, or none of these kinds. An integer beyond
 * 2^53 is rounded.
 */
export function metricValue(
  { value, isNull }: Metric,
  datatype: number,
): number | boolean | string | undefined {
  if (isNull === true || datatype === dateTime) return undefined;
  switch (value.case) {
    case "intValue":
    case "longValue": {
      const bits = signedBits[datatype];
      const whole = BigInt(value.value);
      return Number(bits === undefined ? whole : BigInt.asIntN(bits, whole));
    }
    case "floatValue":
    case "doubleValue":
    case "booleanValue":
    case "stringValue":
      return value.value;
    default:
      return undefined;
  }
}

/** A property; undefined if it is not there or has no value. */
export function propertyOf({ properties }: Metric, name: string): unknown {
  const at = properties?.keys.indexOf(name) ?? -1;
  const property = at === -1 ? undefined : properties!.values[at];
  return property?.isNull === true ? undefined : property?.value.value;
}

const good = 192;

/** Whether the source vouches for the value: a quality that is given is GOOD. */
export function isGood(metric: Metric): boolean {
  const quality = propertyOf(metric, "Quality");
  return quality === undefined || Number(quality) === good;
}

/** The unit, as engineering systems name it. */
export function unitOf(metric: Metric): string {
  const unit = propertyOf(metric, "engUnit") ?? propertyOf(metric, "Engineering Units");
  return typeof unit === "string" ? unit : "";
}
