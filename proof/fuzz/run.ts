// A run of the fuzzer against an accessor and a gateway that run as processes: what was sent, how
// it ended, and its cost.
import { readFileSync } from "node:fs";
import type { ClientHttp2Session } from "node:http2";
import { createClient } from "@connectrpc/connect";
import { SignalService } from "#gen/millrace/v1/signal_service_pb.ts";
import { createGrpcTransport } from "../../runtime/grpc/transport.ts";
import type { Service } from "../../test/testing/processes.ts";
import { type CostLimits, costAlone, isDear, type Probes } from "./cost.ts";
import { type Ending, hostileCall, makeCall, openSession } from "./grpc-inputs.ts";
import { asCaller, hostileRequest, sendBytes } from "./http-inputs.ts";
import type { ProbeAnswer } from "./probe.ts";
import { createRandom, type Random } from "./random.ts";

export type FuzzOptions = {
  accessor: Service;
  gateway: Service;
  inputs: number;
  seed: number;
  /** The cost of inputs; undefined: not measured. */
  probes?: Probes;
  bounds?: CostLimits;
  /**
   * The fraction of inputs that are small and expand to much. Default 0.1. Such an input takes a
   * hundred times as long as another.
   */
  dense?: number;
  /**
   * This many expensive groups are sent again input by input; the rest are only counted. Default
   * 20.
   */
  maxSearches?: number;
  /**
   * Credentials, one of which each input carries; undefined among them: none. Default: no input
   * carries any.
   */
  credentials?: readonly (string | undefined)[];
  /** The credential of a good client, which must be served after all. */
  goodCredential?: string;
  onProgress?: (done: number) => void;
};

export type FuzzReport = {
  inputs: number;
  endings: Map<string, number>;
  /** Answers that blame the server for a client's fault. */
  faults: Ending[];
  /** Inputs that hold the event loop or take memory beyond the bounds, also alone and repeated. */
  dear: (ProbeAnswer & { input: string; sentBytes: number })[];
  /** Groups that were expensive, and those of them that no single input explains. */
  groups: { dear: number; notSearched: number };
  /** The most expensive group, which is several inputs at once. */
  most: ProbeAnswer;
  /** Resident memory in MiB, before the run and at its peak. */
  memory: Record<"accessor" | "gateway", { before: number; peak: number }>;
};

const atOnce = 32;
/** A feed is endless, and a server may wait for the rest of broken HTTP. */
const patienceMs = 250;
/** Every other request gets an answer. */
const answerMs = 2_000;
// INTERNAL, UNKNOWN and DATA_LOSS blame the server; so does any 5xx except 501 (unknown method) and
// 505 (unsupported version of HTTP).
const blame = /^(grpc (2|13|15)|http 5(?!01|05)\d\d)$/;
// The answer of gRPC's libraries to frames that they cannot read, before any handler of ours is
// called: INTERNAL, as on gRPC's own status page.
const frameComplaint =
  /decompress|compressed|grpc-timeout|parse binary|promised \d+ bytes|premature|incomplete|missing output message|unary request|zero request/i;

// Beyond these, an input is a fault. An allowance for its size is added, and one for a busy
// machine.
const defaultBounds: CostLimits = { maxHeldMs: 50, maxGrownMib: 64 };
const groupSize = 200;

/** Fails if a process ends or no longer serves a good client. */
export async function runFuzz(options: FuzzOptions): Promise<FuzzReport> {
  const { accessor, gateway, inputs, seed, probes, onProgress, goodCredential } = options;
  const report: FuzzReport = {
    inputs,
    endings: new Map(),
    faults: [],
    dear: [],
    groups: { dear: 0, notSearched: 0 },
    most: { heldMs: 0, cpuMs: 0, grownMib: 0 },
    memory: {
      accessor: { before: memoryOf(accessor), peak: 0 },
      gateway: { before: memoryOf(gateway), peak: 0 },
    },
  };
  for (let done = 0; done < inputs; ) {
    const count = Math.min(groupSize, inputs - done);
    using targets = openTargets(options);
    const random = createRandom(seed + done);
    const group = Array.from({ length: count }, () => makeInput(random, targets, options));
    await probes?.ask();
    await sendGroup(group, report);
    if (probes !== undefined)
      await judgeCost(group, await probes.ask(), { ...options, probes, report });
    done += count;
    if (done % 2_000 < groupSize || done >= inputs)
      await assertServing(accessor, gateway, goodCredential);
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

type Input = { name: string; bytes: number; send: () => Promise<Ending> };
type Targets = Disposable & { session: ClientHttp2Session; url: string }[];

function openTargets({ accessor, gateway }: FuzzOptions): Targets {
  const targets = [accessor, gateway].map(({ url }) => ({ url, session: openSession(url) }));
  return Object.assign(targets, {
    [Symbol.dispose]() {
      for (const { session } of targets) session.destroy();
    },
  });
}

/** An input that can be sent repeatedly. */
function makeInput(
  random: Random,
  targets: Targets,
  { gateway, credentials = [undefined], dense = 0.1 }: FuzzOptions,
): Input {
  const credential = random.pick(credentials);
  if (random.chance(0.3)) {
    const { bytes, input } = hostileRequest(random, dense);
    const sent = { input, bytes: asCaller(bytes, credential) };
    return {
      name: input,
      bytes: bytes.length,
      send: () => sendBytes(gateway.port, sent, patienceMs),
    };
  }
  const target = random.pick(targets);
  const call = hostileCall(random, dense);
  if (credential !== undefined) call.headers["authorization"] = `Bearer ${credential}`;
  const where = target === targets[0] ? "accessor" : "gateway";
  return {
    name: `${where} ${call.input}`,
    bytes: call.body.length,
    send: () => {
      // A server may close the connection of such a client.
      if (target.session.closed || target.session.destroyed)
        target.session = openSession(target.url);
      return makeCall(target.session, call, /Watch/.test(call.path) ? patienceMs : answerMs);
    },
  };
}

async function sendGroup(group: readonly Input[], report: FuzzReport): Promise<void> {
  const left = [...group];
  const worker = async () => {
    for (let input = left.pop(); input !== undefined; input = left.pop()) {
      const ending = await input.send();
      report.endings.set(ending.status, (report.endings.get(ending.status) ?? 0) + 1);
      const complaint = ending.status === "grpc 13" && frameComplaint.test(ending.said ?? "");
      if (blame.test(ending.status) && !complaint && report.faults.length < 100)
        report.faults.push(ending);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

/**
 * A group is several inputs at once: only an input that is expensive alone, each time that it is
 * sent, is a fault.
 */
async function judgeCost(
  group: readonly Input[],
  cost: ProbeAnswer,
  {
    probes,
    report,
    bounds = defaultBounds,
    maxSearches = 20,
  }: FuzzOptions & { probes: Probes; report: FuzzReport },
): Promise<void> {
  if (cost.heldMs > report.most.heldMs) report.most = cost;
  if (!isDear(cost, bounds, 0)) return;
  report.groups.dear++;
  if (report.groups.dear > maxSearches) {
    report.groups.notSearched++;
    return;
  }
  for (const { name, bytes, send } of group) {
    await probes.ask();
    await send();
    if (!isDear(await probes.ask(), bounds, bytes)) continue;
    const alone = await costAlone(send, probes);
    if (isDear(alone, bounds, bytes)) report.dear.push({ input: name, sentBytes: bytes, ...alone });
  }
}

/** A good client is still served, on both ports. */
async function assertServing(
  accessor: Service,
  gateway: Service,
  credential: string | undefined,
): Promise<void> {
  const headers: Record<string, string> =
    credential === undefined ? {} : { authorization: `Bearer ${credential}` };
  using transport = createGrpcTransport({ baseUrl: accessor.url, headers });
  await createClient(SignalService, transport).listSignals({}, { timeoutMs: 5_000 });
  const response = await fetch(`${gateway.url}/signals`, {
    headers,
    signal: AbortSignal.timeout(5_000),
  });
  if (!response.ok) throw new Error(`the gateway answers ${response.status} to a good client`);
}

/** Resident memory in MiB. */
function memoryOf({ pid }: Service): number {
  const kilobytes = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Math.round(Number(kilobytes) / 1024);
}
