// The blocks of code that a page shows, and the commands in them.

/** answer: the output that the page shows directly below. */
export type Block = { text: string; answer: string | undefined };
export type Command = { command: string; answer: string | undefined };

/** The code blocks of a page in one language, in order. */
export function blocksOf(page: string, language: string): Block[] {
  const blocks = page.matchAll(/^```(\w+)\n([\s\S]*?)^```$(?:\n\n```csv\n([\s\S]*?)^```$)?/gm);
  return [...blocks].flatMap(([, name, text, answer]) =>
    name === language ? [{ text: text!, answer }] : [],
  );
}

/** The commands of a page. A backslash or an open quote continues one on the next line. */
export function commandsOf(page: string): Command[] {
  return blocksOf(page, "sh").flatMap(({ text, answer }) => {
    const commands = text.trim().match(/(?:'[^']*'|\\\n|[^\n'])+/g) ?? [];
    return commands.map((command) => ({ command, answer }));
  });
}
