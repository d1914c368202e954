// Which request bodies are read while they arrive, at any size: those of streaming RPCs, and of
// POST with NDJSON or CSV.
import type { FastifyContextConfig } from "fastify";

export const streamedTypes = [
  "application/x-ndjson",
  "application/ndjson",
  "application/jsonl",
  "text/csv",
];

/** Whether a body of this Content-Type is read while it arrives. */
export function isStreamedType(contentType = ""): boolean {
  const [mediaType = ""] = contentType.toLowerCase().split(";");
  return streamedTypes.includes(mediaType.trim());
}

/** Whether a route reads a body of this Content-Type while it arrives. */
export function takesStream(config: FastifyContextConfig | undefined, contentType = ""): boolean {
  if (config?.streamsAnyBody) return true;
  return config?.isRpc ? (config.streams ?? false) : isStreamedType(contentType);
}
