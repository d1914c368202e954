// Questions that take long have turns: few of one caller at once, newcomers before whoever has
// some, short ones beside long ones, nothing kept.
import { expect, test } from "vitest";
import { Ledger } from "../domain/ledger.ts";
import { QuestionTurns } from "./question-turns.ts";

const settled = () => new Promise((resolve) => setImmediate(resolve));

/** Turns at which questions stay until they are answered by name. */
function open() {
  const ledger = new Ledger();
  const turns = new QuestionTurns({ ledger });
  const answers = new Map<string, (error?: Error) => void>();
  const begun: string[] = [];
  let asked = 0;
  return {
    begun,
    borrowed: () => ledger.borrowed(),
    ask(caller: string, method: string, abort = new AbortController().signal) {
      const name = `${caller} ${asked++}`;
      const done = turns.run({ caller, method, abort }, () => {
        begun.push(name);
        const { promise, resolve, reject } = Promise.withResolvers<string>();
        answers.set(name, (error) => (error === undefined ? resolve(name) : reject(error)));
        return promise;
      });
      return { name, done };
    },
    async answer(name: string, error?: Error) {
      answers.get(name)!(error);
      await settled();
    },
  };
}

const none = { "units of questions": 0, "questions that wait": 0 };

test("a caller's questions go two at a time in order, and another's goes at once however many wait", async () => {
  const { ask, begun, answer, borrowed } = open();
  const greedy = Array.from({ length: 140 }, () => ask("greedy", "SummarizeMachines"));
  await settled();
  expect(begun).toEqual(["greedy 0", "greedy 1"]);
  expect(borrowed()).toEqual({ "units of questions": 8, "questions that wait": 138 });
  const other = ask("other", "AggregateSamples");
  await settled();
  expect(begun.at(-1)).toBe(other.name);
  await answer(other.name);
  for (const { name, done } of greedy) {
    await answer(name);
    expect(await done).toBe(name);
  }
  expect(begun.filter((name) => name !== other.name)).toEqual(greedy.map(({ name }) => name));
  expect(borrowed()).toEqual(none);
});

test("newcomers never wait behind a caller that waits for its own questions", async () => {
  const { ask, begun, answer } = open();
  for (let i = 0; i < 10; i++) ask("greedy", "SummarizeMachines");
  for (let i = 0; i < 100; i++) {
    const { name } = ask(`other ${i}`, "SummarizeMachines");
    await settled();
    expect(begun.at(-1)).toBe(name);
    await answer(name);
  }
});

test("whoever waits and holds nothing comes before those who hold some", async () => {
  const { ask, begun, answer } = open();
  const first = ["a", "b", "c", "d"].flatMap((caller) =>
    Array.from({ length: 4 }, () => ask(caller, "AggregateSamples")),
  );
  await settled();
  expect(begun).toHaveLength(8);
  const late = ask("late", "AggregateSamples");
  await answer(first[0]!.name);
  expect(begun.at(-1)).toBe(late.name);
});

test("short questions wait for each other, four at once of a caller, and not for long ones", async () => {
  const { ask, begun, borrowed } = open();
  for (let i = 0; i < 10; i++) ask("a", "AggregateSamples");
  const short = ["GetLatest", "ListMachines", "ListSignals", "GetLatest", "ListSignals"];
  const asked = short.map((method) => ask("a", method).name);
  await settled();
  expect(begun.toSorted()).toEqual(["a 0", "a 1", ...asked.slice(0, 4)].toSorted());
  expect(borrowed()).toEqual({ "units of questions": 16, "questions that wait": 9 });
});

test("pages take half a turn", async () => {
  const { ask, begun } = open();
  for (let i = 0; i < 10; i++) ask("a", "QuerySignals");
  await settled();
  expect(begun).toHaveLength(4);
});

test("called off while waiting, before, or failed: nothing is kept, and the next one begins", async () => {
  const { ask, begun, answer, borrowed } = open();
  const [one, two] = [ask("a", "SummarizeMachines"), ask("a", "SummarizeMachines")];
  const controller = new AbortController();
  const waiting = ask("a", "SummarizeMachines", controller.signal);
  const next = ask("a", "SummarizeMachines");
  await settled();
  controller.abort(new Error("left"));
  await expect(waiting.done).rejects.toThrow("left");
  await expect(ask("a", "SummarizeMachines", controller.signal).done).rejects.toThrow("left");
  expect(borrowed()).toEqual({ "units of questions": 8, "questions that wait": 1 });
  await Promise.all([
    expect(one.done).rejects.toThrow("broke"),
    answer(one.name, new Error("broke")),
  ]);
  expect(begun).toEqual([one, two, next].map(({ name }) => name));
  await answer(two.name);
  await answer(next.name);
  expect(borrowed()).toEqual(none);
});
