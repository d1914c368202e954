// Runs many queries, a few at a time, so that one call does not take all read connections.

// Most read connections that one call may keep busy.
export const atOnce = 3;

/** Returns the answers in the order of the items. */
export async function someAtOnce<Item, Answer>(
  items: readonly Item[],
  ask: (item: Item) => Promise<Answer>,
): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (let start = 0; start < items.length; start += atOnce)
    for (const answer of await Promise.all(items.slice(start, start + atOnce).map(ask)))
      answers.push(answer);
  return answers;
}
