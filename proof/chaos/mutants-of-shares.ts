// Broken variants of what callers share at accessor and gateway: places, bytes, turns, and how they
// are returned.
import type { Mutant } from "./mutant.ts";

export const shareMutants: readonly Mutant[] = [
  {
    name: "one caller takes every place",
    edits: [
      {
        file: "access/shares.ts",
        find: 'return wanted > this.total - this.#sum - amount ? "own" : undefined;',
        replace: 'return wanted < 0 ? "own" : undefined;',
      },
    ],
    catch: { test: "access/shares.test.ts", says: /FAIL.*keeps no newcomer/ },
  },
  {
    name: "calls have no caller",
    edits: [
      {
        file: "accessor/rpc/admission.ts",
        find: "shares.borrow(holder, 1)",
        replace: "shares.borrow(String(Math.random()), 1)",
      },
    ],
    catch: {
      test: "accessor/rpc/shares.test.ts",
      says: /FAIL.*whoever takes all ranges it can get/,
    },
  },
  {
    name: "answers wait outside their turn to be encoded",
    edits: [
      {
        file: "accessor/rpc/admission.ts",
        find: "return frameAhead(output, await run(), accessorCodecs);",
        replace: "return run();",
      },
    ],
    catch: { test: "accessor/rpc/answer-turns.test.ts", says: /FAIL.*four are there at once/ },
  },
  {
    name: "lists and latest have no turns",
    edits: [{ file: "accessor/rpc/question-turns.ts", find: "?? shortUnits;", replace: "?? 0;" }],
    catch: {
      test: "accessor/rpc/question-turns.test.ts",
      says: /FAIL.*short questions wait for each other/,
    },
  },
  {
    name: "whoever leaves answers unread gets more",
    edits: [
      {
        file: "accessor/rpc/admission.ts",
        find: "if (this.#options.hasRoomForAnswer(caller))",
        replace: 'if (this.#options.hasRoomForAnswer(caller) || caller !== "")',
      },
    ],
    catch: {
      test: "accessor/rpc/shares.test.ts",
      says: /FAIL.*whoever leaves answers unread is asked/,
    },
  },
  {
    name: "any number of calls a second",
    edits: [
      {
        file: "accessor/rpc/admission.ts",
        find: "if (taken?.granted === false) {",
        replace: 'if (taken?.granted === false && holder === "") {',
      },
    ],
    catch: { test: "accessor/rpc/shares.test.ts", says: /FAIL.*calls a second are bounded/ },
  },
  {
    name: "a place is not given back",
    edits: [
      {
        file: "accessor/rpc/admission.ts",
        find: "return loan;",
        replace: 'return shares.borrowAnyway("", 0);',
      },
    ],
    catch: { test: "accessor/rpc/admission.test.ts", says: /FAIL.*one that ends makes room/ },
  },
  {
    name: "a stream goes on with 32 MiB unread",
    edits: [
      {
        file: "runtime/grpc/outgoing.ts",
        find: "#bytes >= this.#watch.options.maxStreamBytes || this.#sizes.length >= maxStreamMessages",
        replace: "#bytes >= 16 * this.#watch.options.maxStreamBytes || this.#sizes.length >= 256",
      },
    ],
    catch: {
      test: "runtime/grpc/outgoing.test.ts",
      says: /FAIL.*counted in bytes, not in messages/,
    },
  },
  {
    name: "a stream that nobody reads lives for ever",
    edits: [
      {
        file: "runtime/grpc/outgoing.ts",
        find: "if (this.#ticks < patience) return;",
        replace: "if (patience > 0) return;",
      },
    ],
    catch: {
      test: "runtime/grpc/outgoing.test.ts",
      says: /FAIL.*whose client does not read is ended/,
    },
  },
  {
    name: "bytes in flight go to whoever asked first",
    edits: [
      {
        file: "access/fair-queue.ts",
        find: "if (best === undefined || this.heldBy(first!.caller) < this.heldBy(best.caller)) best = first;",
        replace: "best ??= first;",
      },
    ],
    catch: { test: "access/fair-queue.test.ts", says: /FAIL.*one caller takes most, never all/ },
  },
  {
    name: "whoever has most in flight is committed first",
    edits: [
      {
        file: "accessor/ingest/turns.ts",
        find: "producer.lastTurn += bytes * own.size;",
        replace: "producer.lastTurn += 0 * bytes;",
      },
    ],
    catch: {
      test: "accessor/ingest/turns.test.ts",
      says: /FAIL.*one batch does not wait behind all/,
    },
  },
  {
    name: "a question may cost anything",
    edits: [
      {
        file: "accessor/store/shared-database.ts",
        find: "if (maxSamples === undefined || samples <= maxSamples) return;",
        replace: "if (maxSamples === undefined || samples >= 0) return;",
      },
    ],
    catch: {
      test: "accessor/store/shared-database.test.ts",
      says: /FAIL.*more samples than it may/,
    },
  },
  {
    name: "a caller registers any number of series",
    edits: [
      {
        file: "accessor/store/functions/series.sql",
        find: "least(p_all_series - v_all.series, p_own_series - v_own.series));",
        replace: "p_all_series - v_all.series);",
      },
    ],
    catch: {
      test: "accessor/ingest/quotas.test.ts",
      says: /FAIL.*records of signals too many are rejected/,
    },
  },
  {
    name: "a caller registers any number of machines",
    edits: [
      {
        file: "accessor/store/functions/series.sql",
        find: "elsif v_own.machines >= p_own_machines then",
        replace: "elsif v_own.machines < 0 then",
      },
    ],
    catch: { test: "accessor/ingest/quotas.test.ts", says: /FAIL.*a machine too many is refused/ },
  },
  {
    name: "an address has any number of connections to the accessor",
    edits: [
      {
        file: "runtime/grpc/connections.ts",
        find: "if (this.#open >= maxConnections || own >= maxPerAddress) {",
        replace: "if (this.#open >= maxConnections) {",
      },
    ],
    catch: { test: "runtime/grpc/connections.test.ts", says: /FAIL.*each address has so many/ },
  },
  {
    name: "a body's room is not given back",
    edits: [
      {
        file: "gateway/limits/body-deadlines.ts",
        find: "        body.loan[Symbol.dispose]();\n        if (request.complete) return;",
        replace: "        if (request.complete) return;",
      },
    ],
    catch: {
      test: "gateway/limits/body-deadlines.test.ts",
      says: /FAIL.*a caller has all of its share again/,
    },
  },
  {
    name: "what of a stream was passed on still takes room",
    edits: [
      {
        file: "gateway/limits/body-deadlines.ts",
        find: "return () => body.loan.add(request.readableLength - body.loan.amount);",
        replace: "return () => {};",
      },
    ],
    catch: {
      test: "gateway/limits/body-deadlines.test.ts",
      says: /FAIL.*what of a stream was passed on takes no room/,
    },
  },
  {
    name: "one caller has half of the exports",
    edits: [
      {
        file: "gateway/limits/caller-shares.ts",
        find: "exports: new Shares({ total: maxExports }),",
        replace: "exports: half(maxExports),",
      },
    ],
    catch: {
      test: "gateway/limits/caller-shares.test.ts",
      says: /FAIL.*one key has a quarter of the exports/,
    },
  },
  {
    name: "a stream's place at the gateway is not given back",
    edits: [
      {
        file: "gateway/rest/mount.ts",
        find: "place.use(options.shares.enter(kind, caller));",
        replace: "options.shares.enter(kind, caller);",
      },
    ],
    catch: {
      test: "gateway/limits/caller-shares.test.ts",
      says: /FAIL.*one key has a quarter of the exports/,
    },
  },
  {
    name: "the gateway waits for ever for who does not read",
    edits: [
      {
        file: "gateway/limits/reader-deadlines.ts",
        find: "if (nowMs - sinceMs >= readerTimeoutMs + (bytes / minBytesPerSecond) * 1_000)",
        replace: "if (nowMs - sinceMs < 0 && readerTimeoutMs + bytes + minBytesPerSecond > 0)",
      },
    ],
    catch: {
      test: "gateway/limits/reader-deadlines.test.ts",
      says: /FAIL.*an answer waits for 30 s/,
    },
  },
  {
    name: "a caller's unread answers take all the room",
    edits: [
      {
        file: "gateway/limits/reader-deadlines.ts",
        find: "for (let shortage = room.shortageOf(name, 0); shortage; shortage = room.shortageOf(name, 0)) {",
        replace:
          'for (let shortage = room.shortageOf(name, 0); shortage === "all"; shortage = room.shortageOf(name, 0)) {',
      },
    ],
    catch: {
      test: "gateway/limits/reader-deadlines.test.ts",
      says: /FAIL.*longest waiting answers end/,
    },
  },
  {
    name: "a POST that has begun to store ends when the rate is used up",
    edits: [
      {
        file: "gateway/rest/store-batch.ts",
        find: "hasStored ? rateDelayMs(error) : undefined",
        replace: "undefined as number | undefined",
      },
    ],
    catch: { test: "gateway/rest/post-refusals.test.ts", says: /FAIL.*and a later one waits/ },
  },
];
