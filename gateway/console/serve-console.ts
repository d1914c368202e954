// Serves the built console: its page for the addresses of views, where a browser asks, and its
// hashed files. Programs that ask for the same addresses get what they get without a console.
import fastifyStatic from "@fastify/static";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { addVary } from "../http/response-headers.ts";
import { chooseFormat } from "../rest/formats.ts";
import { type BuiltConsole, consolePolicy } from "./built-console.ts";

const views = /^\/(?:|errors|compare|energy|add|system)\/?$/;
const machine = /^\/machines\/([^/]+)\/?$/;

/** Whether a path, as the request has it, is the address of a view. REST has /machines/summary. */
export function isView(path: string): boolean {
  const name = machine.exec(path)?.[1];
  return name === undefined ? views.test(path) : name !== "summary";
}

/** Whether the sender prefers a page to JSON, as browsers do. */
function prefersPage({ headers: { accept } }: FastifyRequest): boolean {
  return /\btext\/html\b/i.test(accept ?? "") && chooseFormat(accept, ["json", "html"]) === "html";
}

/** For requests to all routes that are mounted later; mount it after the checks of requests. */
export function serveConsole(app: FastifyInstance, built: BuiltConsole) {
  // The files that are there now, and no others: no path of a request is looked up on disk.
  app.register(fastifyStatic, {
    root: `${built.folder}/assets`,
    prefix: "/assets/",
    wildcard: false,
    allowedPath: (path) => built.assets.has(path),
    index: false,
    dotfiles: "deny",
    decorateReply: false,
    preCompressed: true,
    immutable: true,
    maxAge: "365d",
    setHeaders: (reply) => reply.header("content-security-policy", consolePolicy),
  });
  app.addHook("onRequest", async (request, reply) => {
    const [path = "/", search] = (request.raw.url ?? "/").split("?");
    const { method } = request;
    if ((method !== "GET" && method !== "HEAD") || !isView(path)) return;
    // ?format= says what is wanted, whatever Accept says.
    if (/(^|&)format=/.test(search ?? "")) return;
    reply.header("vary", addVary(reply.getHeader("vary"), "accept"));
    if (!prefersPage(request)) return;
    await sendPage(request, reply, built);
  });
}

/** The page must be asked for again each time: it names the files of the newest build. */
async function sendPage(
  { headers, method }: FastifyRequest,
  reply: FastifyReply,
  { page, entityTag }: BuiltConsole,
): Promise<void> {
  reply.headers({
    "content-security-policy": consolePolicy,
    "cache-control": "no-cache",
    etag: entityTag,
  });
  if (isKnown(headers["if-none-match"], entityTag)) {
    await reply.code(304).send();
    return;
  }
  reply.type("text/html; charset=utf-8");
  if (method === "HEAD") reply.header("content-length", page.length);
  await reply.send(method === "HEAD" ? "" : page);
}

/** Whether If-None-Match has the tag (RFC 9110, 13.1.2: W/ in front makes no difference). */
function isKnown(header: string | undefined, entityTag: string): boolean {
  const tags = header?.split(",").map((tag) => tag.trim().replace(/^W\//, "")) ?? [];
  return tags.includes(entityTag) || tags.includes("*");
}
