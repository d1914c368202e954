// Cached answers in isolation, on a clock of the test's own: how long a page token is given out,
// and that no older answer is cached as a newer one.
import { expect, test } from "vitest";
import { AnswerCache } from "../cache/answer-cache.ts";
import { answerCached } from "./cached.ts";
import type { RestCall, Route } from "./call.ts";
import type { Parameters } from "./parameters.ts";

function open() {
  const clock = { nowMs: 0 };
  const cache = new AnswerCache({ maxBytes: 1e6, monotonicMs: () => clock.nowMs });
  const state = { made: 0, token: "t", version: "v1", cursor: "c7", askedFor: [] as unknown[] };
  const route = {
    path: "/signals/{type}",
    cache: { queryOf: () => ({ case: "querySignals", value: { signal: "power" } }) },
    async handle({ query }: RestCall<Parameters>) {
      state.askedFor.push(query["min_cursor"]);
      return { body: { made: ++state.made, next_page_token: state.token } };
    },
  } as unknown as Route;
  type Asked = { headers?: Record<string, string>; query?: object; visibleMachines?: string };
  const ask = async ({ headers = {}, query = {}, visibleMachines = "" }: Asked = {}) => {
    const call = {
      format: "json",
      query,
      path: {},
      search: "",
      header: (name: string) => headers[name],
      unary: { signal: new AbortController().signal, timeoutMs: 1_000 },
      upstream: {
        signals: { getVersion: async () => ({ version: state.version, cursor: state.cursor }) },
      },
    } as unknown as RestCall<Parameters>;
    const answer = await answerCached(route, call, { cache, visibleMachines, encoding: undefined });
    return [JSON.parse(answer!.bytes!.toString()).made, answer!.headers["age"]];
  };
  return { clock, cache, state, ask };
}

test("an answer that names a page token is made anew after five minutes, one without is kept", async () => {
  const { clock, state, ask, cache } = open();
  expect(await ask()).toEqual([1, undefined]);
  clock.nowMs = 5 * 60_000 - 1;
  expect(await ask()).toEqual([1, "299"]);
  clock.nowMs = 5 * 60_000;
  expect(await ask()).toEqual([2, undefined]);
  state.token = "";
  state.version = "v2";
  expect(await ask()).toEqual([3, undefined]);
  clock.nowMs = 1e9;
  expect((await ask())[0]).toBe(3);
  expect(cache.making).toBe(0);
});

test("who wants no kept answer gets one made anew, which is then kept for the others", async () => {
  const { clock, ask } = open();
  expect(await ask()).toEqual([1, undefined]);
  for (const word of ["no-cache", "no-store"]) {
    clock.nowMs += 1_000;
    const [made] = await ask({ headers: { "cache-control": `max-age=0, ${word}` } });
    expect(await ask()).toEqual([made, "0"]);
  }
  expect(await ask({ headers: { "cache-control": "max-age=0" } })).toEqual([3, "0"]);
});

test("what others see, pages, and times that were relative have answers of their own", async () => {
  const { ask } = open();
  const questions = [
    {},
    { visibleMachines: "mill-*" },
    { visibleMachines: "press-*" },
    { query: { page_token: "a" } },
    { query: { page_token: "b" } },
    { query: { from: { relative: true } } },
    { visibleMachines: "mill-*", query: { to: { relative: true } } },
  ];
  const made = async () => {
    const all: number[] = [];
    for (const question of questions) all.push((await ask(question))[0]);
    return all;
  };
  expect(await made()).toEqual([1, 2, 3, 4, 5, 6, 7]);
  expect(await made()).toEqual([1, 2, 3, 4, 5, 6, 7]);
});

test("an answer is made no older than its version: the accessor is asked for its cursor at least", async () => {
  const { state, ask } = open();
  await ask();
  state.cursor = "c9";
  state.version = "v2";
  await ask();
  expect(state.askedFor).toEqual(["c7", "c9"]);
});

test("whoever asks after all others have left gets an answer of its own, not theirs that was given up", async () => {
  const { cache } = open();
  const made = {
    version: "v",
    headers: {},
    text: Buffer.from("x"),
    digest: "d",
    madeMs: 0,
    untilMs: 1e9,
    encoded: new Map(),
  };
  const begun: AbortSignal[] = [];
  const slow = Promise.withResolvers<void>();
  const make = async (abort: AbortSignal) => {
    begun.push(abort);
    if (begun.length === 1) await slow.promise;
    abort.throwIfAborted();
    return made as never;
  };
  const gone = new AbortController();
  const first = cache.answer({ key: "k", version: "v", abort: gone.signal }, make);
  gone.abort();
  const second = cache.answer(
    { key: "k", version: "v", abort: new AbortController().signal },
    make,
  );
  expect(await second).toEqual(made);
  slow.resolve();
  await expect(first).rejects.toThrow();
  expect([begun.length, cache.making]).toEqual([2, 0]);
});
