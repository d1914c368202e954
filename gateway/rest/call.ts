// What a REST handler is given and what it answers with.
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
  /** What to answer in: one of the route's. */
  readonly format: Format;
  /** Whether CSV is to be safe for spreadsheets. */
  readonly csvSafe: boolean;
  readonly header: (name: string) => string | undefined;
  /**
   * Parsed JSON, or a stream of bytes for a media type that is taken as one; undefined without a
   * body.
   */
  readonly body: unknown;
  /** "http://host:port" as the client names us. */
  readonly origin: string;
  readonly nowUs: bigint;
  /** Deadline and signal for calls with one answer. */
  readonly unary: { readonly signal: AbortSignal; readonly timeoutMs: number };
  /**
   * To be told of the records that a body brings; answers how long to read no further, in
   * milliseconds.
   */
  readonly meter: (records: number) => number;
  /** To be told when what was read of a streamed body is stored. */
  readonly releaseBody: () => void;
  /** What the gateway counts, in the text format of Prometheus. */
  readonly metrics: () => Promise<string>;
  /** For streamed answers; the signal aborts when the client has gone or the gateway stops. */
  readonly stream: { readonly abort: AbortSignal; readonly heartbeat: Heartbeat };
};

/** Headers, and 200 unless said otherwise; and the page after it, for the Link header. */
type Head = { status?: number; headers?: Record<string, string>; next?: NextPage };

/** JSON; a text of another type; or a stream. */
export type RestAnswer =
  | (Head & { body: Json })
  | (Head & { contentType: string; text: string })
  | (Head & StreamedAnswer);

/** A body written bit by bit, once all that can be refused has been refused. */
export type StreamedAnswer = {
  contentType: string;
  /** Not for live feeds: compression would hold events back. */
  compress: boolean;
  /** Writes it and ends it; what it throws cuts the answer short. Not called for HEAD. */
  write(body: Body, toProblem: (error: unknown) => Problem): Promise<void>;
  /** Lets go of what the answer holds; called in any case. */
  close(): Promise<void>;
};

/** One route of the table. */
export type Route<P extends Parameters = Parameters> = {
  readonly method: "GET" | "POST" | "PATCH";
  /** With parameters in braces: "/signals/{type}". */
  readonly path: string;
  /** What the path's parameters are. */
  readonly pathDoc?: Readonly<Record<string, string>>;
  readonly summary: string;
  /** For the reference: what it answers, in sentences. */
  readonly doc: string;
  /** What it asks the accessor; undefined for the gateway's own. */
  readonly rpc: DescMethod | undefined;
  readonly query: P;
  /** Parameters without which it is refused. */
  readonly required?: readonly (keyof P & string)[];
  /** What it answers in; the first if the client does not care. */
  readonly formats: readonly Format[];
  /**
   * Schema of the answer as JSON, and of a line where it is NDJSON; and columns where it is CSV.
   */
  readonly answer: { readonly json?: Schema; readonly line?: Schema; readonly csv?: string };
  /** Statuses other than 200 with an answer that is no problem. */
  readonly alsoAnswers?: readonly number[];
  /** Schemas of bodies that it takes, by media type; a string is an example of a text. */
  readonly takes?: Readonly<Record<string, { schema: Schema; example: unknown }>>;
  /** A query that works, for the reference. */
  readonly example: string;
  /** Fields of the rpc's request that travel as parameters of another name. */
  readonly parameterByField?: Readonly<Record<string, string>>;
  /**
   * Whether its answers in JSON are kept; undefined: they are not, since they are streams, or as
   * new as the newest commit.
   */
  readonly cache?: Cacheable<P>;
  /** Who may ask where no RPC says so: a name of access/matrix.ts. */
  readonly permission?: string;
  readonly handle: (call: RestCall<P>) => Promise<RestAnswer>;
};

/** What is kept is known by its version. */
export type Cacheable<P extends Parameters> = {
  /** The request that the route's handler makes of a call, as whose version it goes by. */
  readonly queryOf: (call: RestCall<P>) => VersionQuery;
  /** Relative times count from the last whole second: whoever asks within one asks the same. */
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
