// What a request is addressed to: one form of target and one host, whatever way it was written,
// before anything goes by them.
import type { IncomingMessage } from "node:http";

/** A host with or without a port, as it may stand in a URL. */
const authority = /^(?:[\w.-]+|\[[\da-f:.]+\])(?::\d{1,5})?$/i;
const absolute = /^https?:\/\/([^/?#]*)([^#]*)$/i;

/**
 * Makes the target of a request a path with its query (RFC 9112, 3.2: a server must take the
 * absolute form too, and its host then stands for Host). Answers with what is wrong where it is
 * none, or where two hosts are named.
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

/** The host that a request names, without its port, in lower case; undefined if it names none. */
export function hostOf({ headers }: Pick<IncomingMessage, "headers">): string | undefined {
  const named = headers.host ?? (headers as Record<string, string | undefined>)[":authority"];
  if (named === undefined || named === "") return undefined;
  return authority.test(named) ? withoutPort(named.toLowerCase()) : named;
}

const withoutPort = (host: string) => host.replace(/:\d+$/, "").replace(/\.$/, "");
