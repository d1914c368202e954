// A log in memory for tests of feeds: commits of our own and of others, read in pages after an
// unpredictable delay.
import { create } from "@bufbuild/protobuf";
import { BatchSchema } from "#gen/millrace/v1/signal_pb.ts";
import { createLog } from "../../runtime/log.ts";
import { Tail, type TailCommit } from "../feed/tail.ts";
import { column, epochUs } from "./batches.ts";

export const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** A commit whose one sample has its revision as the value. */
export function commitOf(
  revision: number,
  { machine, signal }: { machine: string; signal: string },
): TailCommit {
  const batch = create(BatchSchema, { machine, samples: [column(signal, [[epochUs, revision]])] });
  return { revision, committedUs: epochUs + revision, batch, bytes: 100 };
}

/**
 * pageSize: commits in a page. waits: how many turns of the event loop each read takes, in turn.
 */
export class SimulatedLog {
  readonly commits: TailCommit[] = [];
  reads = 0;
  readonly #pageSize: number;
  readonly #waits: readonly number[];

  constructor({ pageSize, waits }: { pageSize: number; waits: readonly number[] }) {
    this.#pageSize = pageSize;
    this.#waits = waits;
  }

  append(origin: { machine: string; signal: string }): TailCommit {
    const commit = commitOf(this.commits.length + 1, origin);
    this.commits.push(commit);
    return commit;
  }

  openTail(maxBytes: number, onPassedOver = () => {}): Tail {
    return new Tail({
      head: { revision: 0, committedUs: undefined },
      readLog: (range) => this.read(range),
      readCommitTime: async (revision) => {
        await this.#wait();
        return epochUs + revision;
      },
      onPassedOver,
      log: createLog({ name: "tail", level: "silent" }),
      maxBytes,
    });
  }

  async read({ after, through }: { after: number; through: number }) {
    await this.#wait();
    const upTo = Math.min(through, after + this.#pageSize);
    return { commits: this.commits.slice(after, upTo), through: upTo, committedUs: epochUs + upTo };
  }

  async #wait(): Promise<void> {
    const turns = this.#waits[this.reads++ % this.#waits.length] ?? 0;
    for (let i = 0; i < turns; i++) await turn();
  }
}
