// Patterns of the names of signals and producers.

export const signalPattern = /^[a-z][a-z0-9_]{0,62}$/;
export const producerPattern = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/;

/** Signals whose records are not samples. */
export const eventSignals: ReadonlySet<string> = new Set(["state", "error"]);
