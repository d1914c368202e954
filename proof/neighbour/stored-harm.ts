// Harm that tries to be stored: old times, wide gaps, an endless number of names, the numbers of
// other producers.
import { setTimeout as sleep } from "node:timers/promises";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { type BatchSchema, MachineState, Severity } from "#gen/millrace/v1/signal_pb.ts";
import { type Harm, repeatedly, type Target } from "./harm.ts";
import { idempotencyKeyOf } from "./tenant-records.ts";

const weekSeconds = 7 * 24 * 3_600;
const states = [MachineState.ACTIVE, MachineState.IDLE, MachineState.FAULT, MachineState.OFF];
const stateAt = (turn: number): MachineState => states[turn % 4]!;
let made = 0;

function send(target: Target, batch: MessageInitShape<typeof BatchSchema>): Promise<string> {
  const request = { producerId: `bad.${process.pid}.${++made}`, sequence: 1n, batch };
  return target.ingest
    .ingestBatch(request, { timeoutMs: 10_000 })
    .then(({ result }) =>
      result?.refusal ? `refused ${result.refusal.reason}` : `verdicts ${result?.verdicts.length}`,
    );
}

const seconds = (value: number) => ({ seconds: BigInt(Math.floor(value)) });

export const storedHarm: Record<string, Harm> = {
  "a sample in each week since 1970": (target) =>
    repeatedly(target, 2, (turn) => {
      const weeks = Math.floor(Date.now() / 1000 / weekSeconds);
      const deltaUs = Array.from({ length: weeks }, (_, i) =>
        i === 0 ? 1_000_000n * BigInt(turn + 1) : BigInt(weekSeconds) * 1_000_000n,
      );
      const times = { case: "deltas" as const, value: { deltaUs } };
      return send(target, {
        machine: "bad-old",
        samples: [{ signal: "power", unit: "W", times, values: deltaUs.map(Number) }],
      });
    }),
  "power by the hour, a day of gap": (target) =>
    repeatedly(target, 4, (turn) => {
      const count = 20_000;
      const startUs = BigInt(Date.now() - count * 3_600_000) * 1000n;
      const grid = { startUs: startUs + BigInt(turn), periodUs: 3_600_000_000n };
      const samples = [
        {
          signal: "power",
          unit: "W",
          maxGap: { seconds: 86_400n },
          times: { case: "grid" as const, value: grid },
          values: new Array(count).fill(1),
        },
      ];
      return send(target, { machine: `bad-gap-${turn % 60}`, samples });
    }),
  "a state long ago": (target) =>
    repeatedly(target, 4, (turn) =>
      send(target, {
        machine: `bad-gap-${turn % 60}`,
        stateChanges: [{ time: seconds(1_000 + turn), state: stateAt(turn) }],
      }),
    ),
  "series without end": (target) =>
    repeatedly(target, 4, (turn) =>
      send(target, {
        machine: `bad-series-${turn % 10}`,
        samples: Array.from({ length: 500 }, (_, i) => ({
          signal: `s${turn}_${i}`,
          unit: "W",
          values: [1],
          times: {
            case: "grid" as const,
            value: { startUs: BigInt(Date.now()) * 1000n, periodUs: 1_000n },
          },
        })),
      }),
    ),
  "machines without end": (target) =>
    repeatedly(target, 16, (turn) =>
      send(target, {
        machine: `bad-${process.pid}-${turn}`,
        stateChanges: [{ time: seconds(Date.now() / 1000), state: MachineState.ACTIVE }],
      }),
    ),
  "errors with long texts": (target) =>
    repeatedly(target, 4, () =>
      send(target, {
        machine: "bad-errors",
        errorReports: Array.from({ length: 3_000 }, (_, i) => ({
          time: seconds(Date.now() / 1000),
          severity: Severity.ERROR,
          code: `E${i}`,
          message: "m".repeat(1_000),
        })),
      }),
    ),
  "equal samples": (target) =>
    repeatedly(target, 2, (turn) => {
      const grid = { startUs: BigInt(Date.now() - 120_000 + turn) * 1000n, periodUs: 1_000n };
      const times = { case: "grid" as const, value: grid };
      return send(target, {
        machine: "bad-full",
        samples: [{ signal: "power", unit: "W", times, values: new Array(65_000).fill(0) }],
      });
    }),
  "hellos of others": (target) =>
    repeatedly(target, 8, (turn) => hello(target, turn % 2 === 0 ? "good.live" : "good.unary")),
  "hellos without end": (target) =>
    repeatedly(target, 16, (turn) => hello(target, `bad.${process.pid}.h${turn}`)),
  "idempotency keys of others": (target) =>
    repeatedly(target, 8, async (turn) => {
      const row = {
        machine: "bad-1",
        signal: "power",
        time: new Date().toISOString(),
        value: turn,
        unit: "W",
      };
      const headers = {
        ...target.headers,
        "content-type": "application/json",
        "idempotency-key": idempotencyKeyOf(turn),
      };
      const body = JSON.stringify({ signals: [row] });
      const response = await fetch(`${target.gatewayUrl}/signals`, {
        method: "POST",
        headers,
        body,
      });
      await response.arrayBuffer();
      return `${response.status}`;
    }),
};

/** Claims to have acks for all numbers that exist. */
async function hello(target: Target, producerId: string): Promise<string> {
  const stop = new AbortController();
  const requests = (async function* () {
    yield {
      message: { case: "hello" as const, value: { producerId, lastAckedSequence: 2n ** 53n - 1n } },
    };
    await sleep(2_000, undefined, { signal: stop.signal }).catch(() => {});
  })();
  try {
    for await (const { message } of target.ingest.ingest(requests, { timeoutMs: 5_000 }))
      return `${message.case}`;
    return "ended";
  } finally {
    stop.abort();
  }
}
