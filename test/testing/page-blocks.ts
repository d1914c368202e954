// The blocks of code that a page shows, and the commands in them.

/** answer: what is shown right below as what it prints. */
export type Block = { text: string; answer: string | undefined };
export type Command = { command: string; answer: string | undefined };

/** The blocks of a page in one language, in order. */
export function blocksOf(page: string, language: string): Block[] {
  const blocks = page.matchAll(/^```(\w+)\n([\s\S]*?)^```$(?:\n\n```csv\n([\s\S]*?)^```$)?/gm);
  return [...blocks].flatMap(([, name, text, answer]) =>
    name === language ? [{ text: text!, answer }] : [],
  );
}

/** The commands of a page. A backslash or an open quote carries one over the end of its line. */
export function commandsOf(page: string): Command[] {
  return blocksOf(page, "sh").flatMap(({ text, answer }) => {
    const commands = text.trim().match(/(?:'[^']*'|\\\n|[^\n'])+/g) ?? [];
    return commands.map((command) => ({ command, answer }));
  });
}
