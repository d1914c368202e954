// What the head of the view says of the machine now: from its newest records, and then from the
// feed.

import { computed, type ReadonlySignal, signal } from "@preact/signals";
import { toTimestamp, toTimeUs } from "../../codec/timestamps.ts";
import type { Clients } from "../contract/clients.ts";
import { connection, serverNowUs } from "../live/live.ts";
import { MachineFolding } from "../live/machine-folding.ts";
import type { MachineNow, MachineRecords } from "../live/messages.ts";
import { isSilent } from "../live/silence.ts";
import { nowUs } from "../time/now.ts";

/** How often the head changes at most. */
const everyMs = 250;

export class MachineHead {
  readonly #folding: MachineFolding;
  readonly now = signal<MachineNow | undefined>(undefined);
  /**
   * The newest record, once the machine looks silent; undefined while records come, and while
   * nobody can know because the connection is broken.
   */
  readonly silentFromUs: ReadonlySignal<number | undefined> = computed(() => {
    const now = this.now.value;
    const { kind, clockOffsetMs } = connection.value;
    if (now === undefined || kind !== "live") return undefined;
    return isSilent(now, nowUs.value + clockOffsetMs * 1_000) ? now.lastRecordUs : undefined;
  });
  #shownMs = 0;

  constructor(machine: string) {
    this.#folding = new MachineFolding(machine);
  }

  /** Undefined if the machine has sent nothing. */
  async begin({ signals: client }: Clients, abort: AbortSignal): Promise<MachineNow | undefined> {
    const machines = [this.#folding.name];
    const [latest, { intervals }] = await Promise.all([
      client.getLatest({ machines }, { signal: abort }),
      client.listStateIntervals(
        { machines, startTime: toTimestamp(serverNowUs() - 1e6) },
        { signal: abort },
      ),
    ]);
    abort.throwIfAborted();
    if (latest.signals.length === 0) return undefined;
    for (const one of latest.signals) this.#folding.begin(one);
    for (const { startTime, endTime } of intervals)
      if (endTime === undefined) this.#folding.stateBegan(toTimeUs(startTime)!);
    this.now.value = this.#folding.read(serverNowUs());
    return this.now.value;
  }

  add(records: MachineRecords): void {
    const nowMs = Date.now();
    this.#folding.add(records, nowMs);
    if (nowMs - this.#shownMs < everyMs) return;
    this.#shownMs = nowMs;
    this.now.value = this.#folding.read(serverNowUs());
  }
}
