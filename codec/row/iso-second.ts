// A second of the calendar, by its text.

/**
 * The last second read: rows of one machine have a hundred in a row; reading each with Date took a
 * third of an upload.
 */
let known: { text: string; ms: number | undefined } = { text: "", ms: undefined };

/** Milliseconds of "2026-03-01T08:00:00", UTC; undefined if there is no such second. */
export function toSecond(text: string): number | undefined {
  if (text === known.text) return known.ms;
  const ms = Date.parse(`${text}Z`);
  // Date turns 30 February into a day in March, and 24:00 into midnight: the result then differs
  // from the text.
  const exists = !Number.isNaN(ms) && new Date(ms).toISOString().slice(0, 19) === text;
  known = { text, ms: exists ? ms : undefined };
  return known.ms;
}
