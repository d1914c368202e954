// Broken variants of the bounds on incoming and outgoing messages, each of which a test must
// notice.
import type { Mutant } from "./mutant.ts";

export const messageMutants: readonly Mutant[] = [
  {
    name: "a length is not looked at before its bytes come",
    edits: [
      {
        file: "runtime/grpc/limit-requests.ts",
        find: "new MessageDecoder(maxBytes)",
        replace: "new MessageDecoder(Number.POSITIVE_INFINITY)",
      },
    ],
    catch: {
      test: "runtime/grpc/server-limits.test.ts",
      says: /FAIL.*before what it announces has come/,
    },
  },
  {
    name: "decompression without a bound",
    edits: [
      { file: "runtime/grpc/decompress.ts", find: "maxOutputLength: maxBytes, ", replace: "" },
    ],
    catch: {
      test: "runtime/grpc/server-limits.test.ts",
      says: /FAIL.*decompression stops at its bound/,
    },
  },
  {
    name: "everything is decompressed at once",
    edits: [
      {
        file: "runtime/grpc/decompress.ts",
        find: "if (running >= atOnce)",
        replace: "if (running > 1e9)",
      },
    ],
    catch: { test: "runtime/grpc/server-limits.test.ts", says: /FAIL.*a few at once/ },
  },
  {
    name: "a commit too large for a message of a feed is sent whole",
    edits: [
      {
        file: "accessor/feed/follow.ts",
        find: "      batches.length === 1 &&\n",
        replace: "      batches.length < 0 &&\n",
      },
    ],
    catch: { test: "accessor/feed/follow.test.ts", says: /FAIL.*are cut into messages/ },
  },
  {
    name: "a message of a feed takes all there is in memory",
    edits: [
      {
        file: "accessor/feed/follow.ts",
        find: "if (batches.length > 0 && bytes + size > maxBytes)",
        replace: "if (batches.length < 0 && bytes + size > maxBytes)",
      },
    ],
    catch: {
      test: "accessor/feed/follow.test.ts",
      says: /FAIL.*messages out of memory end before they are too large/,
    },
  },
  {
    name: "a page is cut by its rows only",
    edits: [
      {
        file: "accessor/rpc/page-budget.ts",
        find: "(this.#rows < 1 || bytes > this.#bytes)",
        replace: "this.#rows < 1",
      },
    ],
    catch: { test: "accessor/answer-sizes.test.ts", says: /FAIL.*accessor\/answer-sizes/ },
  },
  {
    name: "all summaries come in one answer",
    edits: [
      {
        file: "accessor/rpc/summarize-machines.ts",
        find: "full ||= !budget.take(bytes);",
        replace: "full ||= bytes < 0;",
      },
    ],
    catch: {
      test: "accessor/rpc/paged-answers.test.ts",
      says: /FAIL.*summaries of an open window/,
    },
  },
  {
    name: "an answer of any size is sent",
    edits: [
      {
        file: "runtime/grpc/handler.ts",
        find: "if (byteLength <= maxSentBytes) return frame;",
        replace: "if (byteLength >= 0 * maxSentBytes) return frame;",
      },
    ],
    catch: { test: "runtime/grpc/calls.test.ts", says: /FAIL.*runtime\/grpc\/calls/ },
  },
  {
    name: "a large request comes in without room",
    edits: [
      {
        file: "runtime/grpc/let-in.ts",
        find: "if (!arrival.isOver) wait(",
        replace: "if (arrival.isOver) wait(",
      },
    ],
    catch: { test: "runtime/grpc/arrivals.test.ts", says: /FAIL.*what has no room is not read/ },
  },
  {
    name: "a request's room is given back before its handler is through",
    edits: [
      {
        file: "runtime/grpc/arrivals.ts",
        find: "    this.#handlerBytes = bytes;",
        replace: "    this.#handlerBytes = bytes;\n    this.atHandler[Symbol.dispose]();",
      },
    ],
    catch: {
      test: "runtime/grpc/arrivals.test.ts",
      says: /FAIL.*holds its room until its handler is through/,
    },
  },
  {
    name: "a request that stops half-way is waited for",
    edits: [
      {
        file: "runtime/grpc/arrivals.ts",
        find: "if (nowMs - this.#lastMs < stallMs && nowMs - this.#sinceMs < mayTakeMs) return;",
        replace: "if (nowMs - this.#sinceMs < 100 * mayTakeMs) return;",
      },
    ],
    catch: { test: "runtime/grpc/arrivals.test.ts", says: /FAIL.*stops coming, or hardly comes/ },
  },
  {
    name: "a stream reads sixteen messages ahead, whatever their size",
    edits: [
      { file: "runtime/grpc/read-requests.ts", find: "  ahead.holdBack(call);\n", replace: "" },
    ],
    catch: {
      test: "runtime/grpc/arrivals.test.ts",
      says: /FAIL.*the message that its handler has and the one that comes/,
    },
  },
];
