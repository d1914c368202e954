// Addresses of the gateway's REST interface for what is in view: for downloads and for curl.

/** Values of parameters by name; a list is repeated, and undefined is left out. */
export type RestParameters = Readonly<
  Record<string, string | number | readonly string[] | undefined>
>;

/** A path, whose parts are encoded already, and its parameters. */
export function restPath(path: string, parameters: RestParameters = {}): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value === undefined) continue;
    for (const one of Array.isArray(value) ? value : [value]) search.append(name, String(one));
  }
  const text = search.toString().replaceAll("%3A", ":");
  return text === "" ? path : `${path}?${text}`;
}

/** A command that asks the same, for a shell. The key is a variable, never its value. */
export function curlOf(
  origin: string,
  path: string,
  { needsKey, stream = false }: { needsKey: boolean; stream?: boolean },
): string {
  const quoted = `'${`${origin}${path}`.replaceAll("'", "'\\''")}'`;
  const header = needsKey ? ' -H "authorization: Bearer $KEY"' : "";
  return `curl${stream ? " -N" : ""}${header} ${quoted}`;
}
