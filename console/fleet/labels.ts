// The filter of tiles by labels: what there is to choose, and which machines match. No drawing.
import type { Description } from "../contract/descriptions.ts";

/** What can be chosen of one key. */
export type LabelChoice = { readonly key: string; readonly values: readonly string[] };

type Descriptions = ReadonlyMap<string, Description>;

const byNumber = new Intl.Collator("en", { numeric: true });
/** A key that nearly each machine has in its own way is no choice. */
const maxValues = 200;
const maxKeys = 8;

/** Keys that most machines have come first. */
export function labelChoices(descriptions: Descriptions): LabelChoice[] {
  const found = new Map<string, { machines: number; values: Set<string> }>();
  for (const { labels } of descriptions.values())
    for (const [key, value] of labels) {
      const known = found.get(key) ?? { machines: 0, values: new Set() };
      known.machines++;
      known.values.add(value);
      found.set(key, known);
    }
  return [...found]
    .filter(([, { values }]) => values.size <= maxValues)
    .sort(([a, one], [b, other]) => other.machines - one.machines || (a < b ? -1 : 1))
    .slice(0, maxKeys)
    .map(([key, { values }]) => ({ key, values: [...values].sort(byNumber.compare) }));
}

/** Labels by key, from texts as "line:3"; a text without a key is left out. */
export const toChosen = (texts: readonly string[]): ReadonlyMap<string, string> =>
  new Map(
    texts.flatMap((text) => {
      const colon = text.indexOf(":");
      return colon > 0 ? [[text.slice(0, colon), text.slice(colon + 1)] as const] : [];
    }),
  );

/** The texts again, with one key changed; value "": any. */
export function withChoice(
  texts: readonly string[],
  { key, value }: { key: string; value: string },
): string[] {
  const chosen = new Map(toChosen(texts));
  if (value === "") chosen.delete(key);
  else chosen.set(key, value);
  return [...chosen].map(([one, of]) => `${one}:${of}`);
}

/** Whether a machine has all chosen labels. */
export const matchesLabels = (
  description: Description | undefined,
  chosen: ReadonlyMap<string, string>,
): boolean => [...chosen].every(([key, value]) => description?.labels.get(key) === value);

/** Whether the name or the display name contains a text, which is in lower case. */
export const matchesText = (
  name: string,
  { description, text }: { description: Description | undefined; text: string },
): boolean =>
  name.toLowerCase().includes(text) ||
  description?.displayName.toLowerCase().includes(text) === true;
