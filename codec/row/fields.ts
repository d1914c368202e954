// The fields of a row: which exist, and which one an unknown name probably means.

/** Fields of a row of one record, in the order in which exports write them. */
export const fieldNames: readonly string[] = [
  "machine",
  "signal",
  "time",
  "value",
  "unit",
  "max_gap",
  "sample_type",
  "duplicates",
  "state",
  "reason",
  "severity",
  "code",
  "message",
];

/** Which kind of record a field belongs to, as a bit; also for names that have another spelling. */
export const fieldGroup = { any: 1, sample: 2, state: 4, error: 8, otherSpelling: 16 } as const;

/** Maps the names that protobuf's JSON writes or reads to the names of their fields. */
export const otherSpellings: ReadonlyMap<string, string> = new Map([
  ["maxGap", "max_gap"],
  ["sampleType", "sample_type"],
  ["state_change", "stateChange"],
  ["error_report", "errorReport"],
]);

/** What an answer tells about a machine beside its newest state. It is not part of the record. */
const silentSince = ["silent_since", "silentSinceTime", "silent_since_time"];

/**
 * Every known field: also those of the contract's Signal in protobuf's JSON, and those that appear
 * beside a record without being stored: the verdict in the producer's file of rejected records, and
 * since when a machine has been silent.
 */
export const fieldGroups: ReadonlyMap<string, number> = new Map(
  Object.entries({
    any: ["machine", "signal", "time", "duplicates", "rejected"],
    sample: ["value", "unit", "max_gap", "maxGap", "sample_type", "sampleType"],
    state: ["state", "reason", "stateChange", "state_change", ...silentSince],
    error: ["severity", "code", "message", "errorReport", "error_report"],
  }).flatMap(([group, names]) =>
    names.map((name) => [
      name,
      fieldGroup[group as keyof typeof fieldGroup] |
        (otherSpellings.has(name) ? fieldGroup.otherSpelling : 0),
    ]),
  ),
);

/** The message about an unknown field: `"untit" is not a field of a row: is "unit" meant?` */
export function unknownField(
  name: string,
  { of = "a field of a row", known = fieldNames } = {},
): string {
  const meant = nearestName(name, known);
  const shown = JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}…` : name);
  const hint =
    meant === undefined ? `known are ${known.join(", ")}` : `is ${JSON.stringify(meant)} meant?`;
  return `${shown} is not ${of}: ${hint}`;
}

/** The message about several unknown fields: explains the first and lists the others. */
export function unknownFields(names: readonly string[]): string {
  const [first = "", ...others] = names;
  if (others.length === 0) return unknownField(first);
  const shown = others.slice(0, 9).map((name) => JSON.stringify(name.slice(0, 80)));
  const left = others.length - shown.length;
  return `${unknownField(first)}; neither are ${shown.join(", ")}${left > 0 ? ` and ${left} more` : ""}`;
}

/** The known name that needs the fewest changes, if they are few. */
function nearestName(name: string, names: readonly string[]): string | undefined {
  if (name.length > 40) return undefined;
  const plain = (text: string) => text.toLowerCase().replaceAll(/[^a-z]/g, "");
  let best: string | undefined;
  let least = Math.max(1, Math.floor(name.length / 3)) + 1;
  for (const one of names) {
    const changes = plain(one) === plain(name) ? 0 : changesBetween(plain(name), plain(one));
    if (changes < least) [best, least] = [one, changes];
  }
  return best;
}

/** Characters to change, leave out, put in, or swap with the next one. */
function changesBetween(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      const swapped =
        i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
          ? before[j - 2]! + 1
          : Infinity;
      next.push(Math.min(row[j - 1]! + same, row[j]! + 1, next[j - 1]! + 1, swapped));
    }
    [before, row] = [row, next];
  }
  return row[b.length]!;
}
