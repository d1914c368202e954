// What the console says when a call fails.
export const failures = {
  away: "The gateway or the accessor does not answer. The page tries again by itself.",
  slow: "The answer took longer than 30 s. Try a shorter range or fewer machines.",
  keyNeeded: "This needs a valid API key. Sign in again.",
} as const;
