// Calls that come in thousands begin a few at a time: each group in its turn, those that were reset
// not at all, and beyond the bounds with a word that tells why.
import { EventEmitter, once } from "node:events";
import type { ServerHttp2Stream } from "node:http2";
import { connect } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import { Code, ConnectError } from "@connectrpc/connect";
import fc from "fast-check";
import { expect, test } from "vitest";
import { eventually } from "../../test/testing/eventually.ts";
import {
  callHead,
  emptyCall,
  frame,
  preface,
  repeat,
  reset,
} from "../../test/testing/http2-frames.ts";
import { bytes, openTestServer } from "../testing/service.ts";
import { type CallLimitName, type CallLimits, CallStarts } from "./call-starts.ts";

/** As much of a stream as is looked at. */
class Stream extends EventEmitter {
  closed = false;
  destroyed = false;

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.emit("close");
  }
}

const wide: CallLimits = {
  maxOpen: 100_000,
  maxOpenPerGroup: 100_000,
  maxIncomplete: 100_000,
  maxIncompletePerGroup: 100_000,
  maxWaiting: 100_000,
};

function open(limits: Partial<CallLimits> = {}) {
  const begun: string[] = [];
  const refused: [stream: Stream, limit: CallLimitName][] = [];
  const starts = new CallStarts({ ...wide, ...limits }, (stream, limit) => {
    refused.push([stream as unknown as Stream, limit]);
  });
  const take = (group: string) => {
    const stream = new Stream();
    starts.take(stream as unknown as ServerHttp2Stream, group, () => begun.push(group));
    return stream;
  };
  return { begun, refused, take };
}

test("sixteen begin in one turn of the event loop, one of another group in the next", async () => {
  const { begun, take } = open();
  for (let i = 0; i < 1_000; i++) take("many");
  expect(begun).toHaveLength(16);
  take("one");
  expect(begun).not.toContain("one");
  await nextTurn();
  expect(begun).toHaveLength(32);
  expect(begun).toContain("one");
  await eventually("all have begun", () => begun.length === 1_001);
});

test("a call that comes alone begins at once", async () => {
  const { begun, take } = open();
  for (let i = 1; i < 100; i++) {
    take("a");
    expect(begun).toHaveLength(i);
    if (i % 16 === 0) await nextTurn();
  }
});

test("what was closed before its turn does not begin, and takes no turn", async () => {
  const { begun, take } = open();
  const streams = Array.from({ length: 1_000 }, () => take("reset"));
  for (const stream of streams) stream.close();
  take("next");
  await nextTurn();
  expect(begun.filter((group) => group === "reset")).toHaveLength(16);
  expect(begun.at(-1)).toBe("next");
});

test("too many open, in all or of one group, are refused until others close", () => {
  const { begun, refused, take } = open({ maxOpen: 3, maxOpenPerGroup: 2 });
  const [first] = [take("a"), take("a")];
  const beyond = take("a");
  expect(refused).toEqual([[beyond, "open-calls"]]);
  take("b");
  const beyondAll = take("c");
  expect(refused[1]).toEqual([beyondAll, "open-calls"]);
  first!.close();
  take("a");
  expect(refused).toHaveLength(2);
  expect(begun).toEqual(["a", "a", "b", "a"]);
});

test("too many whose client has more to send are refused until others are whole", () => {
  const { refused, take } = open({ maxIncomplete: 3, maxIncompletePerGroup: 2 });
  const own = [take("a"), take("a")];
  const beyond = take("a");
  expect(refused).toEqual([[beyond, "incomplete-calls"]]);
  take("b");
  const beyondAll = take("c");
  expect(refused[1]).toEqual([beyondAll, "incomplete-calls"]);
  own[0]!.emit("end");
  take("c");
  expect(refused).toHaveLength(2);
  // What was whole before it closes counts once.
  own[0]!.close();
  take("c");
  expect(refused).toHaveLength(3);
});

test("where too many wait, the newest of the group with most is refused", async () => {
  const { begun, refused, take } = open({ maxWaiting: 100 });
  const many = Array.from({ length: 116 }, () => take("many"));
  expect(refused).toEqual([]);
  take("one");
  expect(refused).toEqual([[many.at(-1), "waiting-calls"]]);
  const late = take("many");
  expect(refused[1]).toEqual([late, "waiting-calls"]);
  await eventually("the others have begun", () => begun.length === 116);
  expect(begun.filter((group) => group === "one")).toHaveLength(1);
});

test("whatever comes: each call begins once or is refused once, groups in turn, bounds kept", async () => {
  const groups = fc.array(fc.constantFrom("a", "b", "c", "d"), { maxLength: 300 });
  await fc.assert(
    fc.asyncProperty(groups, fc.integer({ min: 1, max: 60 }), async (coming, maxWaiting) => {
      const { begun, refused, take } = open({ maxWaiting });
      for (const group of coming) take(group);
      expect(coming.length - begun.length - refused.length).toBeLessThanOrEqual(maxWaiting);
      await eventually("all are decided", () => begun.length + refused.length === coming.length);
      const count = (group: string) => coming.filter((own) => own === group).length;
      // Whoever has few loses none while another has more.
      const waitable = Math.floor(maxWaiting / 4);
      for (const group of ["a", "b", "c", "d"])
        if (count(group) <= waitable)
          expect(begun.filter((own) => own === group)).toHaveLength(count(group));
    }),
    { numRuns: 200 },
  );
});

const head = callHead("/test.TestService/Unary");

test("a real server begins few of the calls that are reset as they come, and serves others", async () => {
  let begun = 0;
  await using server = await openTestServer({
    unary: () => {
      begun++;
      return bytes(1);
    },
  });
  const socket = connect(server.server.port, "127.0.0.1");
  socket.on("error", () => {}).resume();
  const resets = repeat(190, (i) => Buffer.concat([emptyCall(i, head), reset(i)]));
  socket.write(Buffer.concat([preface, resets, emptyCall(190, head)]));
  await eventually("the last one has begun", () => begun > 0);
  expect((await server.client.unary(bytes(1))).value).toHaveLength(1);
  // 190 came in one packet.
  expect(begun).toBeLessThan(100);
  socket.destroy();
});

test("a real server tells a client why its call is refused, and takes the next when one ends", async () => {
  const release = Promise.withResolvers<void>();
  const refused: CallLimitName[] = [];
  await using server = await openTestServer(
    {
      unary: async () => {
        await release.promise;
        return bytes(1);
      },
    },
    {
      callLimits: { ...wide, maxOpen: 2 },
      calls: {
        refusalOf: (limit) =>
          new ConnectError(`100 % busy: ${limit}`, Code.ResourceExhausted, { "x-told": "yes" }),
        onRefused: (limit) => refused.push(limit),
      },
    },
  );
  const held = [server.client.unary(bytes(1)), server.client.unary(bytes(1))];
  const error = await server.client.unary(bytes(1)).catch((cause) => cause);
  expect(error).toMatchObject({
    code: Code.ResourceExhausted,
    rawMessage: "100 % busy: open-calls",
  });
  expect(error.metadata.get("x-told")).toBe("yes");
  expect(refused).toEqual(["open-calls"]);
  release.resolve();
  await Promise.all(held);
  expect((await server.client.unary(bytes(1))).value).toHaveLength(1);
});

test("a refused call that its client never ends is over all the same", async () => {
  await using server = await openTestServer({}, { callLimits: { ...wide, maxOpen: 0 } });
  const socket = connect(server.server.port, "127.0.0.1");
  const said: Buffer[] = [];
  socket.on("error", () => {}).on("data", (data: Buffer) => said.push(data));
  socket.write(Buffer.concat([preface, frame(1, 4, 1, head)]));
  // A frame of type 3 on stream 1, without an error.
  const end = frame(3, 0, 1, Buffer.alloc(4));
  await eventually("the stream is reset", () => Buffer.concat(said).includes(end));
  socket.destroy();
  await once(socket, "close");
});
