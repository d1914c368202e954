// Broken variants of how received or produced bytes are kept: in memory of their own, in few
// pieces.
import type { Mutant } from "./mutant.ts";

const few = /FAIL.*in many small pieces none is kept as it came/;

export const keptBytesMutants: readonly Mutant[] = [
  {
    name: "a frame that waits keeps what was read with it",
    edits: [
      {
        file: "runtime/own-bytes.ts",
        find: "pieces[newest] = ownBytes(pieces[newest]!)",
        replace: "{}",
      },
    ],
    catch: {
      test: "runtime/http2-pieces.test.ts",
      says: /FAIL.*does not keep what was read with it/,
    },
  },
  {
    name: "each frame that waits in a stream is kept by itself",
    edits: [{ file: "runtime/http2-pieces.ts", find: "    joinWaiting(stream);\n", replace: "" }],
    catch: {
      test: "runtime/http2-pieces.test.ts",
      says: /FAIL.*small frames that wait for their reader are joined/,
    },
  },
  {
    name: "each chunk that waits in a request is kept by itself",
    edits: [
      {
        file: "gateway/limits/body-deadlines.ts",
        find: "        joinWaiting(request);\n",
        replace: "",
      },
    ],
    catch: {
      test: "gateway/limits/body-deadlines.test.ts",
      says: /FAIL.*small chunks that wait for their reader are joined/,
    },
  },
  {
    name: "a small message keeps the pool that it was made in",
    edits: [
      {
        file: "runtime/grpc/message-decoder.ts",
        find: "Buffer.allocUnsafeSlow(",
        replace: "Buffer.allocUnsafe(",
      },
    ],
    catch: { test: "runtime/grpc/kept-messages.test.ts", says: /FAIL.*does not keep the pool/ },
  },
  {
    name: "a call keeps its last message until the next one",
    edits: [
      {
        file: "runtime/grpc/message-decoder.ts",
        find: "    this.#framed = undefined;\n",
        replace: "",
      },
    ],
    catch: { test: "runtime/grpc/message-decoder.test.ts", says: /FAIL.*whole and in order/ },
  },
  {
    name: "a message takes the memory that it announces",
    edits: [
      {
        file: "runtime/grpc/message-decoder.ts",
        find: "this.#hasRoom ? allBytes : Math.min(allBytes, doubled)",
        replace: "allBytes",
      },
    ],
    catch: {
      test: "runtime/grpc/message-decoder.test.ts",
      says: /FAIL.*never takes more than twice/,
    },
  },
  {
    name: "what comes after a call's status is kept",
    edits: [
      {
        file: "runtime/grpc/message-decoder.ts",
        find: "    this.#isOver = true;\n",
        replace: "",
      },
    ],
    catch: {
      test: "runtime/grpc/message-decoder.test.ts",
      says: /FAIL.*after its end it takes nothing/,
    },
  },
  {
    name: "a call sends any number of empty messages",
    edits: [
      {
        file: "runtime/grpc/arrivals.ts",
        find: "bytes < tiny.bytes ? -1",
        replace: "bytes < tiny.bytes ? 0",
      },
    ],
    catch: {
      test: "runtime/grpc/kept-messages.test.ts",
      says: /FAIL.*many empty messages is ended by name/,
    },
  },
  {
    name: "each piece of a message to the gateway is kept by itself",
    edits: [
      { file: "gateway/rpc/request-messages.ts", find: "    joinSmall(chunks);\n", replace: "" },
    ],
    catch: { test: "gateway/rpc/request-messages.test.ts", says: few },
  },
  {
    name: "each piece of a stream to the gateway is kept by itself",
    edits: [
      {
        file: "gateway/rpc/request-messages.ts",
        find: "    joinSmall(this.#chunks);\n",
        replace: "",
      },
    ],
    catch: { test: "gateway/rpc/request-messages.test.ts", says: few },
  },
  {
    name: "each piece of a JSON body is kept by itself",
    edits: [{ file: "gateway/rest/json-body.ts", find: "    joinSmall(pieces);\n", replace: "" }],
    catch: { test: "gateway/rest/json-body.test.ts", says: few },
  },
  {
    name: "a kept answer keeps the buffer that it was made in",
    edits: [
      {
        file: "gateway/cache/answer-cache.ts",
        find: "{ ...made, text: ownBytes(made.text) }",
        replace: "{ ...made }",
      },
    ],
    catch: { test: "gateway/cache/answer-cache.test.ts", says: /FAIL.*its own bytes/ },
  },
];
