// A payload as a document that paths go into: JSON whose numbers keep their digits on request, or
// one text.

export type Document = {
  readonly value: unknown;
  /** The same, with numbers that a double would round as the texts of their digits. */
  exact(): unknown;
};

/** A value that is already known, as of a metric. */
export const documentOf = (value: unknown): Document => ({ value, exact: () => value });

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });

/** Why a payload is no document, in words. */
export type PayloadFault = { readonly fault: string };

/** Never throws. */
export function readDocument(payload: Uint8Array, kind: "json" | "text"): Document | PayloadFault {
  let text: string;
  try {
    text = decoder.decode(payload);
  } catch {
    return { fault: "not UTF-8" };
  }
  if (kind === "text") return documentOf(text.trim());
  // A fault is reported with its words; capturing a stack for it costs more than the parsing.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    const value: unknown = JSON.parse(text);
    return { value, exact: () => parseExactly(text) };
  } catch (error) {
    const hint = text.trim() === "" ? "the payload is empty" : (error as Error).message;
    return { fault: `not JSON: ${hint}` };
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

function parseExactly(text: string): unknown {
  return JSON.parse(text, (_, value: unknown, context?: { source?: string }) => {
    const digits = typeof value === "number" ? context?.source : undefined;
    // With an exponent, the text does not have all digits of the number.
    return digits !== undefined && /^-?\d+(?:\.\d+)?$/.test(digits) ? digits : value;
  });
}
