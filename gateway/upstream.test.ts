// Streams spread over connections.
import { expect, test } from "vitest";
import { createUpstream } from "./upstream.ts";

test("a connection takes so many streams, the next takes more, and an empty one goes", () => {
  using upstream = createUpstream("http://127.0.0.1:1", { streamsPerConnection: 2 });
  const lent = [1, 2, 3, 4, 5].map(() => upstream.borrow());
  const [a, b, c, d, e] = lent;
  const connections = new Set(lent.map(({ transport }) => transport));
  expect(connections.size).toBe(3);
  expect(connections.has(upstream.transport as never)).toBe(false);
  expect([a!.transport === b!.transport, c!.transport === d!.transport]).toEqual([true, true]);
  a!.giveBack();
  expect(upstream.borrow().transport).toBe(b!.transport);
  e!.giveBack();
  expect(connections.has(upstream.borrow().transport)).toBe(false);
});

test("the last connection stays for the next stream", () => {
  using upstream = createUpstream("http://127.0.0.1:1");
  const first = upstream.borrow();
  first.giveBack();
  expect(upstream.borrow().transport).toBe(first.transport);
});
