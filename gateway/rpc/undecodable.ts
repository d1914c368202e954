// A message that is not valid protobuf is its sender's fault. connect-es answers it with INTERNAL,
// which is 500 over HTTP; this file corrects that.
import type { UniversalServerResponse } from "@connectrpc/connect/protocol";

const complaint = "parse binary: ";

/**
 * The answer of a Connect unary call, where an undecodable request is the client's fault: 400 and
 * invalid_argument. Other answers are unchanged.
 */
export async function blameUndecodable(
  response: UniversalServerResponse,
): Promise<UniversalServerResponse> {
  if (response.status !== 500 || response.body === undefined) return response;
  const chunks: Uint8Array[] = [];
  for await (const chunk of response.body as AsyncIterable<Uint8Array>) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  const error = parseError(body);
  if (error?.code !== "internal" || !error.message?.startsWith(complaint))
    return { ...response, body: once(body) };
  const mended = Buffer.from(JSON.stringify({ ...error, code: "invalid_argument" }));
  const header = new Headers(response.header);
  header.delete("content-length");
  return { ...response, status: 400, header, body: once(mended) };
}

async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes;
}

function parseError(body: Buffer): { code?: string; message?: string } | undefined {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    return undefined;
  }
}
