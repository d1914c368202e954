// Asks about many things, some at once, so that one call does not take all connections for reads.

// One call may keep this many of the connections for reads busy.
export const atOnce = 3;

/** Answers in the order of the items. */
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
