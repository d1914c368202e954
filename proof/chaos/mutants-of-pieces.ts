// Broken variants of how the bytes of a connection are parsed, each of which a test must notice.
import type { Mutant } from "./mutant.ts";

export const pieceMutants: readonly Mutant[] = [
  {
    name: "pieces of a byte cost nothing",
    edits: [
      {
        file: "runtime/pieces.ts",
        find: "if (--this.#left >= 0) return true;",
        replace: "return true;",
      },
    ],
    catch: { test: "runtime/pieces.test.ts", says: /FAIL.*a thousand small pieces may come/ },
  },
  {
    name: "any number of pieces is taken in a round of the event loop",
    edits: [
      {
        file: "runtime/pieces.ts",
        find: "const inRound = { stop: 1_000, end: 4_000 };",
        replace: "const inRound = { stop: 1e9, end: 1e9 };",
      },
    ],
    catch: {
      test: "runtime/http2-pieces.test.ts",
      says: /FAIL.*a thousand frames in a round stop the reading/,
    },
  },
  {
    name: "the accessor takes frames of any size",
    edits: [{ file: "runtime/grpc/injector.ts", find: "  boundFrames();\n", replace: "" }],
    catch: { test: "runtime/grpc/session-pace.test.ts", says: /FAIL.*frames of a byte is ended/ },
  },
  {
    name: "the gateway takes frames of any size",
    edits: [{ file: "gateway/http/server.ts", find: "  boundFrames();\n", replace: "" }],
    catch: { test: "gateway/http/server.test.ts", says: /FAIL.*frames of a byte is ended/ },
  },
  {
    name: "the rest of a body that was answered comes in pieces of any size",
    edits: [{ file: "gateway/http/body-pieces.ts", find: "  request.read(0);\n", replace: "" }],
    catch: {
      test: "gateway/http/body-pieces.test.ts",
      says: /FAIL.*after the answer end the connection too/,
    },
  },
  {
    name: "a connection is never read again once it was stopped",
    edits: [
      {
        file: "runtime/socket-reading.ts",
        find: "if (handle?.reading) handle.readStart();",
        replace: "void handle;",
      },
    ],
    catch: { test: "gateway/http/body-pieces.test.ts", says: /FAIL.*any number of larger ones/ },
  },
  {
    name: "stopped connections are all read again at once",
    edits: [
      { file: "runtime/reading-queue.ts", find: "      this.#paused = true;\n", replace: "" },
    ],
    catch: { test: "runtime/reading-queue.test.ts", says: /FAIL.*three times as long as it took/ },
  },
  {
    name: "what new connections bring is all taken apart in one round",
    edits: [
      {
        file: "gateway/http/first-reads.ts",
        find: "const smallBytes = 4 * 1024;",
        replace: "const smallBytes = 1e9;",
      },
    ],
    catch: {
      test: "gateway/http/first-reads.test.ts",
      says: /FAIL.*one after the other, addresses in turn/,
    },
  },
  {
    name: "requests of HTTP/1.1 are taken apart although their connection has ended",
    edits: [{ file: "gateway/http/pipeline.ts", find: "      socket.pause();\n", replace: "" }],
    catch: { test: "gateway/http/server.test.ts", says: /FAIL.*few are taken apart/ },
  },
];
