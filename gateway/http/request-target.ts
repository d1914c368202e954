// The target of a request: converts it to one form of target and one host, however it was written,
// before anything uses them.
import type { IncomingMessage } from "node:http";

/** A host with or without a port, as in a URL. */
const authority = /^(?:[\w.-]+|\[[\da-f:.]+\])(?::\d{1,5})?$/i;
const absolute = /^https?:\/\/([^/?#]*)([^#]*)$/i;

/**
 * Converts the target of a request to a path with its query (RFC 9112, 3.2: a server must accept
 * the absolute form too, whose host then replaces Host). Returns what is wrong if the target is
 * invalid, or if there are two hosts.
 */
export function reduceTarget(request: IncomingMessage): string | undefined {
  const { headers, rawHeaders, url = "" } = request;
  const hosts = new Set<string>();
  let count = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!.toLowerCase();
    if (name === "host") count++;
    if (name === "host" || name === ":authority") hosts.add(rawHeaders[i + 1]!);
  }
  if (count > 1) return "the request has more than one Host header";
  if (hosts.size > 1) return "the Host header and :authority differ";
  if (url.startsWith("/") || url === "*") return undefined;
  const [, host = "", rest = ""] = absolute.exec(url) ?? [];
  if (request.httpVersionMajor > 1 || !authority.test(host))
    return "the request target is neither a path nor an http URL";
  request.url = rest.startsWith("/") ? rest : `/${rest}`;
  headers.host = host;
  return undefined;
}

/** The host of a request, without its port, in lower case; undefined if it has none. */
export function hostOf({ headers }: Pick<IncomingMessage, "headers">): string | undefined {
  const named = headers.host ?? (headers as Record<string, string | undefined>)[":authority"];
  if (named === undefined || named === "") return undefined;
  return authority.test(named) ? withoutPort(named.toLowerCase()) : named;
}

const withoutPort = (host: string) => host.replace(/:\d+$/, "").replace(/\.$/, "");
