// Lines that were not stored, or not whole: their numbers and the reasons, within bounds.

/** Numbers of lines, and different reasons, that an answer names. */
const maxLines = 100;
const maxReasons = 10;

export class RefusedLines {
  readonly #reasons = new Map<string, number[]>();
  #count = 0;
  #unreadable = 0;

  /** A field that is not stored. */
  add(line: number, reason: string): void {
    this.#count++;
    const lines = this.#reasons.get(reason);
    if (lines === undefined) {
      if (this.#reasons.size < maxReasons) this.#reasons.set(reason, [line]);
    } else if (lines.length < maxLines && lines.at(-1) !== line) lines.push(line);
  }

  /** What is not line protocol. */
  unreadable(line: number, reason: string): void {
    this.#unreadable++;
    this.add(line, reason);
  }

  /** Fields, and lines that cannot be read. */
  get count(): number {
    return this.#count;
  }

  get hasUnreadable(): boolean {
    return this.#unreadable > 0;
  }

  /** Each reason with its lines: "line 3: …; lines 7, 8 and more: …". */
  text(): string {
    const parts = [...this.#reasons].map(([reason, lines]) => {
      const shown = lines.slice(0, 10).join(", ");
      const more = lines.length > 10 ? " and more" : "";
      return `${lines.length > 1 ? "lines" : "line"} ${shown}${more}: ${reason}`;
    });
    return parts.join("; ");
  }

  /** All that are kept, ascending. */
  lines(): number[] {
    return [...new Set([...this.#reasons.values()].flat())].sort((a, b) => a - b);
  }
}
