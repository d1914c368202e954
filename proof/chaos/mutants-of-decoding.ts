// Broken variants of the limits on the cost of decoding a message, each of which a test must
// notice.
import type { Mutant } from "./mutant.ts";

export const decodingMutants: readonly Mutant[] = [
  {
    name: "a message is decoded uncounted",
    edits: [
      {
        file: "runtime/grpc/definition.ts",
        find: "  assertCost(desc, bytes, limits);",
        replace: "",
      },
    ],
    catch: { test: "runtime/grpc/server-limits.test.ts", says: /FAIL.*unknown fields are refused/ },
  },
  {
    name: "the gateway has protobuf decoded uncounted",
    edits: [
      {
        file: "gateway/rpc/request-messages.ts",
        find: "    else assertCost(method.input, whole, limits);",
        replace: "",
      },
    ],
    catch: {
      test: "gateway/rpc/request-messages.test.ts",
      says: /FAIL.*a Connect body of empty submessages/,
    },
  },
  {
    name: "the gateway has JSON decoded uncounted",
    edits: [
      {
        file: "gateway/rpc/request-messages.ts",
        find: 'if (format === "json") await assertJsonCost(whole, limits);',
        replace: 'if (format === "json") void assertJsonCost;',
      },
    ],
    catch: {
      test: "gateway/rpc/request-messages.test.ts",
      says: /FAIL.*a Connect body of empty objects/,
    },
  },
  {
    name: "a body of REST is parsed uncounted",
    edits: [
      {
        file: "gateway/rest/json-body.ts",
        find: "    await assertJsonCost(body, bodyBounds);",
        replace: "",
      },
    ],
    catch: {
      test: "gateway/rpc/request-messages.test.ts",
      says: /FAIL.*a body of REST of empty rows/,
    },
  },
  {
    name: "a number of a list that comes alone costs what a packed one does",
    edits: [
      {
        file: "runtime/grpc/message-cost.ts",
        find: "(field.packable ? unpackedCost : 0)",
        replace: "0 * unpackedCost",
      },
    ],
    catch: { test: "runtime/grpc/message-cost.test.ts", says: /FAIL.*deltas of times, each alone/ },
  },
  {
    name: "unknown fields cost the same however many there are",
    edits: [
      {
        file: "runtime/grpc/message-cost.ts",
        find: "> maxCheapUnknowns ? furtherUnknownCost : unknownCost",
        replace: "> maxCheapUnknowns ? unknownCost : unknownCost",
      },
    ],
    catch: {
      test: "runtime/grpc/message-cost.test.ts",
      says: /FAIL.*unknown fields are cheap up to two/,
    },
  },
  {
    name: "fields of packed numbers cost what is in them",
    edits: [
      {
        file: "runtime/grpc/message-cost.ts",
        find: "this.#add(++this.#packeds > maxCheapPacked ? furtherPackedCost : packedCost);",
        replace: "this.#add(0 * packedCost);",
      },
    ],
    catch: { test: "runtime/grpc/message-cost.test.ts", says: /FAIL.*packed values of no byte/ },
  },
  {
    name: "unknown fields are kept",
    edits: [
      {
        file: "runtime/grpc/definition.ts",
        find: "fromBinary(desc, bytes, { readUnknownFields: false })",
        replace: "fromBinary(desc, bytes)",
      },
    ],
    catch: {
      test: "runtime/grpc/message-cost.test.ts",
      says: /FAIL.*with nothing of unknown fields/,
    },
  },
  {
    name: "the gateway passes unknown fields on",
    edits: [
      {
        file: "gateway/rpc/connect.ts",
        find: "    binaryOptions: { readUnknownFields: false },\n",
        replace: "",
      },
    ],
    catch: {
      test: "gateway/rpc/request-messages.test.ts",
      says: /FAIL.*are not passed on to the accessor/,
    },
  },
  {
    name: "every method takes what one with lists does",
    edits: [
      {
        file: "runtime/grpc/message-limits.ts",
        find: "hasList(input, new Set()) ? question : tiny",
        replace: "hasList(input, new Set()) ? question : question",
      },
    ],
    catch: { test: "accessor/rpc/message-limits.test.ts", says: /FAIL.*a name beyond 2 KiB/ },
  },
  {
    name: "any number of empty packed fields is cheap",
    edits: [
      {
        file: "runtime/grpc/message-cost.ts",
        find: "++this.#packeds > maxCheapPacked",
        replace: "this.#packeds > maxCheapPacked",
      },
    ],
    catch: {
      test: "runtime/grpc/message-cost.test.ts",
      says: /FAIL.*packed fields are cheap up to two for each record/,
    },
  },
  {
    name: "any number of elements of a list is cheap",
    edits: [
      {
        file: "gateway/limits/json-cost.ts",
        find: "++this.#elements > maxCheapElements",
        replace: "this.#elements > maxCheapElements",
      },
    ],
    catch: {
      test: "gateway/limits/json-cost.test.ts",
      says: /FAIL.*a million elements are refused/,
    },
  },
];
