// Detects flags that npm kept for itself: `npm start --machines 3`, without `--` before the flags,
// gives npm a setting and the program a stray "3", or nothing at all. How npm passes settings on:
// https://docs.npmjs.com/cli/v10/using-npm/config.

type Env = Readonly<Record<string, string | undefined>>;

/** npm's own settings; in a user's .npmrc they are not meant for us. */
const npmsOwn = new Set(["ca", "cert", "key", "scope"]);

/** One sentence that says how to pass them, if npm kept any of these flags; else undefined. */
export function flagsThatNpmKept(flags: Iterable<string>, env: Env): string | undefined {
  const event = env.npm_lifecycle_event;
  if (event === undefined) return undefined;
  const kept = [...flags].flatMap((flag) => {
    const value = npmsOwn.has(flag) ? undefined : env[`npm_config_${flag.replaceAll("-", "_")}`];
    // npm sets "true" for a flag without a value, and for one whose value is a separate argument.
    return value ? [value === "true" ? `--${flag}` : `--${flag}=${value}`] : [];
  });
  if (kept.length === 0) return undefined;
  const command = event === "start" ? "npm start" : `npm run ${event}`;
  return (
    `npm kept ${kept.join(" and ")} for itself: it passes on only what stands after --. ` +
    `Write ${command} -- ${kept.map((one) => (one.includes("=") ? one : `${one} …`)).join(" ")}`
  );
}
