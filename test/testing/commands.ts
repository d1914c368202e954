// Runs the commands that README.md and `npm start` tell people to type, as far as this machine can:
// curl by fetch, buf as it is.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const checkout = fileURLToPath(new URL("../..", import.meta.url));

/** The words of a command as a shell would see them: quotes go, a comment at the end too. */
export function wordsOf(command: string): string[] {
  const words: string[] = [];
  for (const [part] of command.matchAll(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g)) {
    if (part.startsWith("#")) break;
    words.push(part.replaceAll(/'([^']*)'|"([^"]*)"/g, "$1$2"));
  }
  return words;
}

/**
 * What a curl or `npx buf curl` command prints; of one that streams, what it prints until `enough`
 * says so. Fails if the command does.
 */
export async function outputOf(
  command: string,
  {
    enough = () => false,
    withinMs = 15_000,
  }: { enough?: (text: string) => boolean; withinMs?: number } = {},
): Promise<string> {
  const [program, ...words] = wordsOf(command);
  const stop = AbortSignal.timeout(withinMs);
  if (program === "curl") return curl(words, { enough, stop });
  if (program === "npx" && words[0] === "buf") return buf(words.slice(1), { enough, stop });
  throw new Error(`no way to run: ${command}`);
}

type Until = { enough: (text: string) => boolean; stop: AbortSignal };

async function curl(words: readonly string[], { enough, stop }: Until): Promise<string> {
  const headers = new Headers({ "content-type": "application/x-www-form-urlencoded" });
  let url = "";
  let body: string | undefined;
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    if (word === "-d") body = words[++i]!;
    else if (word === "-H") headers.set(...splitHeader(words[++i]!));
    else if (word.startsWith("http://")) url = word;
    else if (word !== "-N") throw new Error(`curl ${word} is not understood here`);
  }
  const leave = new AbortController();
  const abort = AbortSignal.any([stop, leave.signal]);
  const response = await fetch(
    url,
    body === undefined ? { signal: abort } : { method: "POST", headers, body, signal: abort },
  );
  if (!response.ok) throw new Error(`${url} answers ${response.status}: ${await response.text()}`);
  let text = "";
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    if (enough(text)) break;
  }
  leave.abort();
  return text;
}

function splitHeader(header: string): [name: string, value: string] {
  const at = header.indexOf(":");
  return [header.slice(0, at), header.slice(at + 1).trim()];
}

async function buf(words: readonly string[], { enough, stop }: Until): Promise<string> {
  // A group of its own: what npm installs as buf is a script that starts the program.
  const child = spawn("buf", words, {
    cwd: checkout,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const kill = () => void process.kill(-child.pid!, "SIGKILL");
  stop.addEventListener("abort", kill, { once: true });
  let text = "";
  let complaint = "";
  let had = false;
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
    if (had || !enough(text)) return;
    had = true;
    kill();
  });
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    complaint += chunk;
  });
  const [code] = await once(child, "close");
  stop.removeEventListener("abort", kill);
  if (code !== 0 && !had)
    throw new Error(`buf ${words.join(" ")} ended with ${code}: ${complaint || text}`);
  return text;
}
