// What a REST handler gets and what it returns.
import type { DescMethod, MessageInitShape } from "@bufbuild/protobuf";
import type { GetVersionRequestSchema } from "#gen/millrace/v1/signal_service_pb.ts";
import { pathOf } from "../../access/matrix.ts";
import type { Json } from "../../codec/row/json-text.ts";
import type { Problem } from "../errors/problem.ts";
import type { Upstream } from "../upstream/upstream.ts";
import type { Body } from "./body.ts";
import { csvParameter, type Format, formatParameter } from "./formats.ts";
import type { NextPage } from "./page.ts";
import type { Parameters, ValuesOf } from "./parameters.ts";
import type { Schema } from "./schema-parts.ts";

/** Calls `beat` now and then until the returned function is called. */
export type Heartbeat = (beat: () => void) => () => void;

export type RestCall<P extends Parameters> = {
  readonly upstream: Upstream;
  /** Path parameters, decoded. */
  readonly path: Readonly<Record<string, string>>;
  readonly query: ValuesOf<P>;
  /** The format of the answer: one of the route's. */
  readonly format: Format;
  /** Whether CSV must be safe for spreadsheets. */
  readonly csvSafe: boolean;
  readonly header: (name: string) => string | undefined;
  /**
   * Parsed JSON, or a stream of bytes for a media type that is read as a stream; undefined without
   * a body.
   */
  readonly body: unknown;
  /** "http://host:port" as the client names us. */
  readonly origin: string;
  readonly nowUs: bigint;
  /** Deadline and signal for calls with one answer. */
  readonly unary: { readonly signal: AbortSignal; readonly timeoutMs: number };
  /**
   * Call it with the number of records of a body; returns how long to stop reading, in
   * milliseconds.
   */
  readonly meter: (records: number) => number;
  /** Call it when the part of a streamed body that was read is stored. */
  readonly releaseBody: () => void;
  /** The gateway's metrics, in the text format of Prometheus. */
  readonly metrics: () => Promise<string>;
  /** For streamed answers; `abort` fires when the client has left or the gateway stops. */
  readonly stream: { readonly abort: AbortSignal; readonly heartbeat: Heartbeat };
};

/** Status (default 200), headers, and the next page for the Link header. */
type Head = { status?: number; headers?: Record<string, string>; next?: NextPage };

/** JSON; a text of another type; or a stream. */
export type RestAnswer =
  | (Head & { body: Json })
  | (Head & { contentType: string; text: string })
  | (Head & StreamedAnswer);

/** A body that is written piece by piece, after everything that can be refused has been refused. */
export type StreamedAnswer = {
  contentType: string;
  /** Not for live feeds: compression would hold events back. */
  compress: boolean;
  /** Writes the body and ends it; if it throws, the answer is cut short. Not called for HEAD. */
  write(body: Body, toProblem: (error: unknown) => Problem): Promise<void>;
  /** Releases what the answer holds; always called. */
  close(): Promise<void>;
};

/** One route of the table. */
export type Route<P extends Parameters = Parameters> = {
  readonly method: "GET" | "POST" | "PUT" | "PATCH";
  /** With parameters in braces: "/signals/{type}". */
  readonly path: string;
  /** Descriptions of the path's parameters. */
  readonly pathDoc?: Readonly<Record<string, string>>;
  readonly summary: string;
  /** For the reference: describes the answer in sentences. */
  readonly doc: string;
  /** The RPC that it calls; undefined for the gateway's own routes. */
  readonly rpc: DescMethod | undefined;
  readonly query: P;
  /** Required parameters. */
  readonly required?: readonly (keyof P & string)[];
  /** Formats of the answer; the first is the default. */
  readonly formats: readonly Format[];
  /** Schema of the answer as JSON, schema of a line as NDJSON, and columns as CSV. */
  readonly answer: { readonly json?: Schema; readonly line?: Schema; readonly csv?: string };
  /** Statuses other than 200 whose answer is not a problem. */
  readonly alsoAnswers?: readonly number[];
  /** Schemas of bodies that it accepts, by media type; a string is an example of a text. */
  readonly takes?: Readonly<Record<string, { schema: Schema; example: unknown }>>;
  /** A query that works, for the reference. */
  readonly example: string;
  /** Fields of the RPC's request whose parameters have another name. */
  readonly parameterByField?: Readonly<Record<string, string>>;
  /**
   * How its JSON answers are cached; undefined: they are not, because they are streams, or change
   * with every commit.
   */
  readonly cache?: Cacheable<P>;
  /** The permission that it requires if it has no RPC: a name of access/matrix.ts. */
  readonly permission?: string;
  readonly handle: (call: RestCall<P>) => Promise<RestAnswer>;
};

/** How a route's answers are cached by version. */
export type Cacheable<P extends Parameters> = {
  /** The request that the route's handler makes for a call, whose version identifies the answer. */
  readonly queryOf: (call: RestCall<P>) => VersionQuery;
  /**
   * Relative times count from the last whole second, so that requests within one second are the
   * same.
   */
  readonly wholeSeconds?: boolean;
};

/** A request whose answer has a version. */
export type VersionQuery = Exclude<
  NonNullable<MessageInitShape<typeof GetVersionRequestSchema>["query"]>,
  { case?: undefined }
>;

/**
 * The name under which a route is authorized: its RPC, or one of its own; undefined if it is open.
 */
export const permissionOf = ({
  rpc,
  permission,
}: Pick<Route, "rpc" | "permission">): string | undefined => (rpc ? pathOf(rpc) : permission);

/**
 * Keeps the types of a route's query for its handler; the table forgets them. Every GET of data has
 * ?format=.
 */
export function route<P extends Parameters>(declared: Route<P>): Route {
  const { method, rpc, query, formats } = declared;
  const ways = {
    format: formatParameter(formats),
    ...(formats.includes("csv") && { csv: csvParameter }),
  };
  const chosen = method === "GET" && rpc ? { ...query, ...ways } : query;
  return { ...declared, query: chosen } as unknown as Route;
}
