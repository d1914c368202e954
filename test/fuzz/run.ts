// A run of the fuzzer against an accessor and a gateway that run as processes: what was sent, how it ended, what it cost.
import { readFileSync } from "node:fs";
import { createClient } from "@connectrpc/connect";
import { SignalService } from "#gen/millrace/v1/signal_service_pb.ts";
import { createGrpcTransport } from "../../runtime/grpc/transport.ts";
import type { Service } from "../support/processes.ts";
import { type Ending, hostileCall, makeCall, openSession } from "./grpc-inputs.ts";
import { hostileRequest, sendBytes } from "./http-inputs.ts";
import { createRandom, type Random } from "./random.ts";

export type FuzzOptions = {
  accessor: Service;
  gateway: Service;
  inputs: number;
  seed: number;
  onProgress?: (done: number) => void;
};

export type FuzzReport = {
  inputs: number;
  endings: Map<string, number>;
  /** Answers that blame the server for what a client did. */
  faults: Ending[];
  /** Resident memory in MiB, before and at the highest. */
  memory: Record<"accessor" | "gateway", { before: number; peak: number }>;
};

const atOnce = 32;
const patienceMs = 250;
// INTERNAL, UNKNOWN and DATA_LOSS blame the server; so does any 5xx but 501 (no such method) and 505 (no such HTTP).
const blame = /^(grpc (2|13|15)|http 5(?!01|05)\d\d)$/;
// What gRPC's libraries answer to frames that they cannot read, before any handler of ours is asked: INTERNAL, as gRPC's own status page has it.
const frameComplaint =
  /decompress|compressed|grpc-timeout|parse binary|promised \d+ bytes|premature|incomplete|missing output message|unary request|zero request/i;

/** Fails if a process ends or no longer serves a good client. */
export async function runFuzz({ accessor, gateway, inputs, seed, onProgress }: FuzzOptions): Promise<FuzzReport> {
  const report: FuzzReport = {
    inputs,
    endings: new Map(),
    faults: [],
    memory: { accessor: { before: memoryOf(accessor), peak: 0 }, gateway: { before: memoryOf(gateway), peak: 0 } },
  };
  for (let done = 0; done < inputs; ) {
    const count = Math.min(2_000, inputs - done);
    await sendPortion({ accessor, gateway, random: createRandom(seed + done), count, report });
    done += count;
    await assertServing(accessor, gateway);
    for (const [name, service] of [
      ["accessor", accessor],
      ["gateway", gateway],
    ] as const) {
      report.memory[name].peak = Math.max(report.memory[name].peak, memoryOf(service));
    }
    onProgress?.(done);
  }
  return report;
}

type Portion = { accessor: Service; gateway: Service; random: Random; count: number; report: FuzzReport };

async function sendPortion({ accessor, gateway, random, count, report }: Portion): Promise<void> {
  const targets = [accessor, gateway].map(({ url }) => ({ url, session: openSession(url) }));
  let left = count;
  const note = (ending: Ending) => {
    report.endings.set(ending.status, (report.endings.get(ending.status) ?? 0) + 1);
    const complaint = ending.status === "grpc 13" && frameComplaint.test(ending.said ?? "");
    if (blame.test(ending.status) && !complaint && report.faults.length < 100) report.faults.push(ending);
  };
  const worker = async () => {
    while (left-- > 0) {
      if (random.chance(0.3)) note(await sendBytes(gateway.port, hostileRequest(random), patienceMs));
      else {
        const target = random.pick(targets);
        // A server may well close a connection on such a client.
        if (target.session.closed || target.session.destroyed) target.session = openSession(target.url);
        note(await makeCall(target.session, hostileCall(random), patienceMs));
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  for (const { session } of targets) session.destroy();
}

/** A good client is still served, on both ports. */
async function assertServing(accessor: Service, gateway: Service): Promise<void> {
  using transport = createGrpcTransport({ baseUrl: accessor.url });
  await createClient(SignalService, transport).listSignals({}, { timeoutMs: 5_000 });
  const response = await fetch(`${gateway.url}/signals`, { signal: AbortSignal.timeout(5_000) });
  if (!response.ok) throw new Error(`the gateway answers ${response.status} to a good client`);
}

/** Resident memory in MiB. */
function memoryOf({ pid }: Service): number {
  const kilobytes = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Math.round(Number(kilobytes) / 1024);
}
