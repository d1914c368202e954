// What a REST handler is given and what it answers with.

import type { ServerResponse } from "node:http";
import type { DescMethod } from "@bufbuild/protobuf";
import type { Upstream } from "../upstream.ts";
import type { Json } from "./json.ts";
import type { Heartbeat } from "./live.ts";
import type { Parameters, ValuesOf } from "./parameters.ts";
import type { Problem } from "./problem.ts";

export type RestCall<P extends Parameters> = {
  readonly upstream: Upstream;
  /** Path parameters, decoded. */
  readonly path: Readonly<Record<string, string>>;
  readonly query: ValuesOf<P>;
  readonly header: (name: string) => string | undefined;
  /** Parsed JSON; undefined without a body. */
  readonly body: unknown;
  /** The request's path as it was sent, without its query. */
  readonly url: string;
  /** Its query as it was sent, without "?". */
  readonly search: string;
  readonly nowUs: bigint;
  /** Deadline and signal for calls with one answer. */
  readonly unary: { readonly signal: AbortSignal; readonly timeoutMs: number };
  /** For endless answers; the signal aborts when the client has gone or the gateway stops. */
  readonly stream: { readonly signal: AbortSignal; readonly heartbeat: Heartbeat };
};

/** JSON (200 unless said otherwise), or a stream that writes the response itself, and rejects only before it has written anything. */
export type RestAnswer =
  | { status?: number; headers?: Record<string, string>; body: Json }
  | { stream: (response: ServerResponse, toProblem: (error: unknown) => Problem) => Promise<void> };

/** One route of the table. */
export type Route<P extends Parameters = Parameters> = {
  readonly method: "GET" | "POST";
  /** With parameters in braces: "/signals/{type}". */
  readonly path: string;
  readonly summary: string;
  /** For the reference: what it answers, in sentences. */
  readonly doc: string;
  /** What it asks the accessor; undefined for the gateway's own. */
  readonly rpc: DescMethod | undefined;
  readonly query: P;
  /** Fields of the rpc's request that travel as parameters of another name. */
  readonly parameterByField?: Readonly<Record<string, string>>;
  /** A stream of events, which has no HEAD. */
  readonly live?: boolean;
  readonly handle: (call: RestCall<P>) => Promise<RestAnswer>;
};

/** Keeps the types of a route's query for its handler; the table forgets them. */
export function route<P extends Parameters>(declared: Route<P>): Route {
  return declared as unknown as Route;
}
