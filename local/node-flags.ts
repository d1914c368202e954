// How Node runs each service: in npm start, npm run, the image, and wherever a test or a
// measurement runs one as in earnest. Why: docs/decisions/0019-flags-of-the-heap.md.

// Of buffers that live for a batch, V8 lets up to 96 MB pile up before it looks; with 24 MB the
// services are no slower and 80 MB smaller.
const smallYoung = "--max-semi-space-size=8";

/** By file. */
const flagsOf: Record<string, readonly string[]> = {
  "accessor/main.ts": [smallYoung, "--initial-old-space-size=64"],
  "gateway/main.ts": [smallYoung],
};

const environmentOf: Record<string, Readonly<Record<string, string>>> = {
  // One heap of malloc's for all threads: what one frees, another finds. What is large goes back to
  // the system when it is freed.
  "accessor/main.ts": { MALLOC_ARENA_MAX: "1", MALLOC_MMAP_THRESHOLD_: "131072" },
};

/** Of a file in the checkout; none for what has none of its own. */
export const nodeFlags = (file: string): readonly string[] => flagsOf[file] ?? [];
export const nodeEnvironment = (file: string): Readonly<Record<string, string>> =>
  environmentOf[file] ?? {};
