// How Node runs each service: in npm start, npm run, the image, and wherever a test or a benchmark
// runs one as in production. Why: docs/decisions/0019-flags-of-the-heap.md.

// V8 lets up to 96 MB of short-lived buffers accumulate before it collects them; with 24 MB the
// services are no slower and 80 MB smaller.
const smallYoung = "--max-semi-space-size=8";

/** By file. */
const flagsOf: Record<string, readonly string[]> = {
  "accessor/main.ts": [smallYoung, "--initial-old-space-size=64"],
  "gateway/main.ts": [smallYoung],
};

const environmentOf: Record<string, Readonly<Record<string, string>>> = {
  // One malloc arena for all threads: what one thread frees, another can reuse. Large blocks go
  // back to the system when they are freed.
  "accessor/main.ts": { MALLOC_ARENA_MAX: "1", MALLOC_MMAP_THRESHOLD_: "131072" },
};

/** The flags of a file in the checkout; empty for a file without flags of its own. */
export const nodeFlags = (file: string): readonly string[] => flagsOf[file] ?? [];
export const nodeEnvironment = (file: string): Readonly<Record<string, string>> =>
  environmentOf[file] ?? {};
