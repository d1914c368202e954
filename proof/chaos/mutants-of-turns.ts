// Broken variants of order and concurrency: requests and calls that arrive together, streams that a
// connection opens, and turns by caller.
import type { Mutant } from "./mutant.ts";

export const turnMutants: readonly Mutant[] = [
  {
    name: "a request that its client has reset is started",
    edits: [
      { file: "gateway/http/server.ts", find: "if (stream.closed) return false;", replace: "" },
    ],
    catch: {
      test: "gateway/http/server.test.ts",
      says: /FAIL.*resets in the same packet is not started/,
    },
  },
  {
    name: "requests of HTTP/1.1 that were sent ahead start at once",
    edits: [
      {
        file: "gateway/http/pipeline.ts",
        find: "if (!waiting) {",
        replace: "if (!waiting || true) {",
      },
    ],
    catch: {
      test: "gateway/http/pipeline.test.ts",
      says: /FAIL.*each starts when the one before is answered/,
    },
  },
  {
    name: "a request of HTTP/1.1 starts whose client is gone",
    edits: [
      {
        file: "gateway/http/pipeline.ts",
        find: "if (socket.writable) start();",
        replace: "start();",
      },
    ],
    catch: {
      test: "gateway/http/pipeline.test.ts",
      says: /FAIL.*none starts once its client is gone/,
    },
  },
  {
    name: "any number of requests of HTTP/1.1 may wait on a connection",
    edits: [
      {
        file: "gateway/http/pipeline.ts",
        find: "waiting.length < maxWaiting",
        replace: "waiting.length >= 0",
      },
    ],
    catch: { test: "gateway/http/pipeline.test.ts", says: /FAIL.*one more ends the connection/ },
  },
  {
    name: "calls that come together begin together",
    edits: [
      {
        file: "runtime/grpc/call-starts.ts",
        find: "const callsPerTurn = 16;",
        replace: "const callsPerTurn = 1e9;",
      },
    ],
    catch: { test: "runtime/grpc/call-starts.test.ts", says: /FAIL.*sixteen begin in one turn/ },
  },
  {
    name: "one connection's calls begin before all others'",
    edits: [
      {
        file: "runtime/grpc/call-starts.ts",
        find: "      // If the group has more calls, it goes behind the others.\n      this.#waiting.delete(group);\n      const call = calls.shift();",
        replace:
          "      const call = calls.shift();\n      if (calls.length === 0) this.#waiting.delete(group);",
      },
    ],
    catch: {
      test: "runtime/grpc/call-starts.test.ts",
      says: /FAIL.*one of another group in the next/,
    },
  },
  {
    name: "a call that was reset begins",
    edits: [
      {
        file: "runtime/grpc/call-starts.ts",
        find: "if (!call.stream.closed && !call.stream.destroyed) this.#begin(call);",
        replace: "this.#begin(call);",
      },
    ],
    catch: {
      test: "runtime/grpc/call-starts.test.ts",
      says: /FAIL.*closed before its turn does not begin/,
    },
  },
  {
    name: "whoever calls last is refused, not who waits with most",
    edits: [
      {
        file: "runtime/grpc/call-starts.ts",
        find: "if (calls.length > most.length) [longest, most] = [group, calls];",
        replace: "[longest, most] = [group, calls];",
      },
    ],
    catch: {
      test: "runtime/grpc/call-starts.test.ts",
      says: /FAIL.*the newest of the group with most is refused/,
    },
  },
  {
    name: "a connection opens a thousand streams before any has begun",
    edits: [
      {
        file: "runtime/grpc/server.ts",
        find: '"grpc.max_concurrent_streams": firstStreams,',
        replace: '"grpc.max_concurrent_streams": 10 * firstStreams,',
      },
    ],
    catch: {
      test: "runtime/grpc/session-pace.test.ts",
      says: /FAIL.*a real server takes a hundred/,
    },
  },
  {
    name: "a connection resets as many calls as it likes",
    edits: [
      {
        file: "runtime/grpc/injector.ts",
        find: "else if (stream.aborted) pace.resetEarly();",
        replace: "",
      },
    ],
    catch: { test: "runtime/grpc/session-pace.test.ts", says: /FAIL.*resets two thousand calls/ },
  },
  {
    name: "a gateway's connection ends with the thousandth client that leaves",
    edits: [
      {
        file: "runtime/grpc/injector.ts",
        find: "streamResetBurst: 10_000,\n    streamResetRate: 1_000",
        replace: "streamResetBurst: 1_000,\n    streamResetRate: 33",
      },
    ],
    catch: {
      test: "runtime/grpc/session-pace.test.ts",
      says: /FAIL.*a gateway whose clients leave/,
    },
  },
  {
    name: "a round of the event loop has a turn of everybody",
    edits: [
      {
        file: "runtime/turns.ts",
        find: "    if (waiting.size > 0) setImmediate(takeOne);\n    resume();\n    return;",
        replace: "    resume();",
      },
    ],
    catch: { test: "runtime/turns.test.ts", says: /FAIL.*one work has its turn/ },
  },
  {
    name: "whose turns a call takes is never said",
    edits: [{ file: "accessor/rpc/admission.ts", find: "    takeTurnsAs(holder);\n", replace: "" }],
    catch: { test: "accessor/rpc/caller-turns.test.ts", says: /FAIL.*long before the thirty/ },
  },
  {
    name: "the gateway's work is nobody's",
    edits: [
      {
        file: "gateway/limits/transfers.ts",
        find: "inTurnsOf(shareName(callerOf(request)), done)",
        replace: "inTurnsOf(undefined, done)",
      },
    ],
    catch: { test: "gateway/caller/caller-turns.test.ts", says: /FAIL.*take turns by its name/ },
  },
  {
    name: "a request starts before it is known whether its client has left",
    edits: [
      {
        file: "gateway/http/pipeline.ts",
        find: "    this.#starts.take(socket, () => {\n      if (socket.writable) start();\n      return socket.writable;\n    });",
        replace: "    start();",
      },
    ],
    catch: {
      test: "gateway/http/pipeline.test.ts",
      says: /FAIL.*leaves right behind it does not start/,
    },
  },
  {
    name: "one connection is taken in a round",
    edits: [
      { file: "runtime/tcp-listener.ts", find: '"linux" ? 16 : 1', replace: '"linux" ? 1 : 1' },
    ],
    catch: { test: "runtime/tcp-listener.test.ts", says: /FAIL.*several connections in a round/ },
  },
  {
    name: "two processes may listen on one port",
    edits: [
      {
        file: "runtime/tcp-listener.ts",
        find: "{ host, port, reusePort: false }",
        replace: "{ host, port, reusePort: true }",
      },
    ],
    catch: { test: "runtime/tcp-listener.test.ts", says: /FAIL.*a port that is taken is refused/ },
  },
  {
    name: "a short statement that is left costs its connection",
    edits: [
      {
        file: "accessor/store/run-statement.ts",
        find: "const graceMs = 250;",
        replace: "const graceMs = 0;",
      },
    ],
    catch: {
      test: "accessor/store/called-off.test.ts",
      says: /FAIL.*its connection is used again/,
    },
  },
  {
    name: "answers of all callers share 64 KiB of the connection to the accessor",
    edits: [
      {
        file: "runtime/grpc/transport.ts",
        find: "  widenClientConnections();\n",
        replace: "",
      },
    ],
    catch: {
      test: "gateway/upstream/upstream.test.ts",
      says: /FAIL.*answers of many calls share 1 MiB/,
    },
  },
  {
    name: "requests of all callers share 64 KiB of a connection to the accessor",
    edits: [
      { file: "runtime/grpc/injector.ts", find: "    widenConnection(session);\n", replace: "" },
    ],
    catch: { test: "runtime/grpc/session-pace.test.ts", says: /FAIL.*may be 1 MiB ahead/ },
  },
  {
    name: "requests of the gateway begin all at once",
    edits: [
      {
        file: "gateway/http/request-starts.ts",
        find: "const requestsPerRound = 8;",
        replace: "const requestsPerRound = 1e9;",
      },
    ],
    catch: { test: "gateway/http/request-starts.test.ts", says: /FAIL.*eight begin in a round/ },
  },
  {
    name: "a connection of HTTP/2 to the gateway may open all its streams at once",
    edits: [
      {
        file: "gateway/http/connections.ts",
        find: "maxConcurrentStreams: firstStreams,",
        replace: "maxConcurrentStreams: 256,",
      },
    ],
    catch: { test: "gateway/http/server.test.ts", says: /FAIL.*a hundred streams, and up to 256/ },
  },
];
