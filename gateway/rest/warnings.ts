// Warnings about records that a POST has stored: one for each reason and signal of a machine.
import { type BatchResult, WarningReasonSchema } from "#gen/millrace/v1/ingest_service_pb.ts";
import type { Batch } from "#gen/millrace/v1/signal_pb.ts";
import { toWord } from "../../codec/row/enum-words.ts";

type NamedWarning = {
  reason: string | number;
  machine: string;
  signal: string | undefined;
  message: string;
};

/** Most warnings that an answer lists. */
export const maxWarnings = 100;

/** The warnings of one answer, limited in number. */
export class NamedWarnings {
  readonly #named = new Map<string, NamedWarning>();
  #omitted = 0;

  add({ machine, samples }: Batch, { warnings }: BatchResult): void {
    for (const { reason, column, message } of warnings) {
      const warning = {
        reason: toWord(WarningReasonSchema, reason),
        machine,
        signal: samples[column]?.signal,
        message,
      };
      const key = JSON.stringify([reason, machine, warning.signal]);
      if (this.#named.has(key)) continue;
      if (this.#named.size < maxWarnings) this.#named.set(key, warning);
      else this.#omitted++;
    }
  }

  /** No members if there are no warnings. */
  members(): { warnings?: NamedWarning[]; warnings_omitted?: number } {
    if (this.#named.size === 0) return {};
    const warnings = [...this.#named.values()];
    return this.#omitted === 0 ? { warnings } : { warnings, warnings_omitted: this.#omitted };
  }
}
