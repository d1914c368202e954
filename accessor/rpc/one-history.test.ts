// An epoch that begins while an answer or an ack is under way: what is told is of one history, or
// nothing is told.
import { createContextValues, type HandlerContext, type ServiceImpl } from "@connectrpc/connect";
import { expect, test } from "vitest";
import type { SignalService } from "#gen/millrace/v1/signal_service_pb.ts";
import { CursorFormat, type Epoch } from "../domain/cursor.ts";
import { Epochs } from "../domain/epochs.ts";
import type { Intake } from "../ingest/intake.ts";
import type { Catalog } from "../store/catalog.ts";
import { createIngestService } from "./ingest.ts";
import { ofOneHistory } from "./one-history.ts";

const databaseId = "0b9b2f0e-6d0f-4b8b-8f39-0d2f5c8b4a11";
const first = { epoch: 1, firstRevision: 1 };
const second = { epoch: 70_000, firstRevision: 4 };
const context = {
  signal: new AbortController().signal,
  values: createContextValues(),
} as HandlerContext;

function open() {
  let now: Epoch[] = [first];
  const cursors = new CursorFormat(databaseId, now);
  const epochs = new Epochs({
    epochs: now,
    read: async () => now,
    onMoved: (moved) => cursors.moveTo(moved),
  });
  const promote = async () => {
    now = [first, second];
    await epochs.follow(second.epoch);
  };
  return { cursors, epochs, promote };
}

test("an answer is read again if an epoch begins meanwhile, and fails if one begins each time", async () => {
  const { epochs, promote } = open();
  let reads = 0;
  const getLatest = async () => {
    if (reads++ === 0) await promote();
    return { cursor: String(reads) };
  };
  const service = ofOneHistory(
    { getLatest } as unknown as ServiceImpl<typeof SignalService>,
    epochs,
  );
  expect(await service.getLatest({} as never, context)).toEqual({ cursor: "2" });
  expect(reads).toBe(2);
  const restless = {
    current: 1,
    during: epochs.during.bind({
      get current() {
        return ++reads;
      },
    }),
    assertStill() {},
  };
  const never = ofOneHistory(
    { getLatest } as unknown as ServiceImpl<typeof SignalService>,
    restless,
  );
  await expect(never.getLatest({} as never, context)).rejects.toMatchObject({
    reason: "DATABASE_UNAVAILABLE",
  });
});

test.each([0, 1])(
  "an answer of many messages ends where an epoch begins after %i of them",
  async (told) => {
    const { epochs, promote } = open();
    const ended: number[] = [];
    let reads = 0;
    const service = ofOneHistory(
      {
        async *readSignals() {
          const read = ++reads;
          try {
            for (let i = 0; i < 3; i++) {
              if (i === told && read === 1) await promote();
              yield { cursor: `${read}.${i}` };
            }
          } finally {
            ended.push(read);
          }
        },
      } as unknown as ServiceImpl<typeof SignalService>,
      epochs,
    );
    const got: unknown[] = [];
    const reading = (async () => {
      for await (const { cursor } of service.readSignals({} as never, context)) got.push(cursor);
    })();
    if (told === 0) {
      // No message had been sent, so the read starts again.
      await reading;
      expect(got).toEqual(["2.0", "2.1", "2.2"]);
      expect(ended).toEqual([1, 2]);
    } else {
      await expect(reading).rejects.toMatchObject({ reason: "DATABASE_UNAVAILABLE" });
      expect(got).toEqual(["1.0"]);
      expect(ended).toEqual([1]);
    }
  },
);

test.each([
  ["3, which both histories have, is acknowledged", 3, undefined],
  ["4, which is another one now, is not", 4, "DATABASE_UNAVAILABLE"],
])(
  "a batch that was decided before a promotion is acknowledged late: revision %s",
  async (_, revision, reason) => {
    const { cursors, epochs, promote } = open();
    const intake = {
      limits: {},
      open: async () => ({
        lastSequence: 0,
        lost: undefined,
        isForeign: false,
        sender: { producer: "p" },
        epoch: 1,
      }),
      admit: async () => new DisposableStack(),
      prepare: async () => ({}),
      decide: async () => ({ revision, plain: true, result: {} }),
      assertHolds: epochs.assertHolds.bind(epochs),
    } as unknown as Intake;
    const catalog = {} as Catalog;
    const { ingest } = createIngestService({ intake, catalog, cursors, maxUndecided: 10 });
    const requests = (async function* () {
      yield { message: { case: "hello", value: { producerId: "p", lastAckedSequence: 0n } } };
      yield { message: { case: "batch", value: { sequence: 1n, batch: undefined } } };
      // The accessor has gone on to the new history before it comes to the ack.
      await promote();
    })();
    const answers = ingest(requests as never, context)[Symbol.asyncIterator]();
    expect(await answers.next()).toMatchObject({ value: { message: { case: "welcome" } } });
    const ack = answers.next();
    if (reason === undefined) {
      expect(await ack).toMatchObject({
        value: { message: { value: { cursor: cursors.encode(revision) } } },
      });
    } else await expect(ack).rejects.toMatchObject({ reason });
  },
);
