// Templates of a mapping file: of an address (a topic, or the name of a metric), whose {names} take
// levels, and of a text, into which {names} are put again.

/** What the {names} of an address stood for. */
export type Captures = Readonly<Record<string, string>>;

type Level = { readonly name: string } | { readonly text: string } | "+" | "#";

export type AddressTemplate = {
  readonly text: string;
  readonly levels: readonly Level[];
  /** The names, in order. */
  readonly names: readonly string[];
  /** The same as a filter of MQTT: each name is a +. */
  readonly filter: string;
};

const placeholder = /^\{([a-z][a-z0-9_]{0,31})\}$/;
const maxLevels = 64;

/** Reads "plant/{line}/{machine}/power": + takes any level, # at the end any number of them. */
export function parseAddress(text: string): AddressTemplate | { readonly fault: string } {
  const parts = text.split("/");
  if (text === "" || text.length > 1024) return { fault: "1 to 1024 characters are expected" };
  if (text.includes("\0")) return { fault: "contains U+0000" };
  if (parts.length > maxLevels) return { fault: `has more than ${maxLevels} levels` };
  const levels: Level[] = [];
  for (const [i, part] of parts.entries()) {
    const name = placeholder.exec(part)?.[1];
    if (name !== undefined) levels.push({ name });
    else if (part === "+") levels.push("+");
    else if (part === "#" && i === parts.length - 1) levels.push("#");
    else if (part.includes("#")) return { fault: "# stands alone, as the last level" };
    else if (/[+{}]/.test(part))
      return {
        fault: `"${part}": + and {name} take a whole level; a name is lower-case, as in {machine}`,
      };
    else levels.push({ text: part });
  }
  const names = levels.flatMap((level) =>
    typeof level === "object" && "name" in level ? [level.name] : [],
  );
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) return { fault: `{${twice}} appears twice` };
  const filter = levels
    .map((level) => (typeof level === "string" ? level : "text" in level ? level.text : "+"))
    .join("/");
  return { text, levels, names, filter };
}

/** What the names stand for in an address; undefined if the template does not fit it. */
export function matchAddress({ levels }: AddressTemplate, address: string): Captures | undefined {
  const parts = address.split("/");
  const captures: Record<string, string> = {};
  for (const [i, level] of levels.entries()) {
    // "#" also stands for no level at all: "a/#" fits "a".
    if (level === "#") return startsHidden(levels, parts) ? undefined : captures;
    const part = parts[i];
    if (part === undefined) return undefined;
    if (level === "+") continue;
    if ("text" in level) {
      if (level.text !== part) return undefined;
    } else captures[level.name] = part;
  }
  if (parts.length !== levels.length || startsHidden(levels, parts)) return undefined;
  return captures;
}

/** As in MQTT, a wildcard at the start does not take topics of the broker itself, such as $SYS. */
const startsHidden = ([first]: readonly Level[], [part]: readonly string[]): boolean =>
  part!.startsWith("$") && !(typeof first === "object" && "text" in first);

export type TextTemplate = { readonly parts: readonly ({ name: string } | string)[] };

/** Reads "{line}-{machine}". The names must be among `known`. */
export function parseText(
  text: string,
  known: readonly string[],
): TextTemplate | { readonly fault: string } {
  const parts: ({ name: string } | string)[] = [];
  let end = 0;
  for (const match of text.matchAll(/\{([^{}]*)\}/g)) {
    const name = match[1]!;
    if (!known.includes(name)) return { fault: `{${name}} ${unknownName(known)}` };
    if (match.index > end) parts.push(text.slice(end, match.index));
    parts.push({ name });
    end = match.index + match[0].length;
  }
  const rest = text.slice(end);
  if (rest !== "") parts.push(rest);
  if (parts.some((part) => typeof part === "string" && /[{}]/.test(part)))
    return { fault: "a brace without its counterpart" };
  return { parts };
}

const unknownName = (known: readonly string[]): string =>
  known.length === 0
    ? "is not known here: the address has no {names}"
    : `is not known here; known are ${known.map((name) => `{${name}}`).join(", ")}`;

export const fillText = ({ parts }: TextTemplate, captures: Captures): string =>
  parts.map((part) => (typeof part === "string" ? part : (captures[part.name] ?? ""))).join("");
