// How Node runs each service: in npm start, npm run, the image, and wherever a test or a measurement runs one as in earnest.

// Of buffers that live for a batch, V8 lets up to 96 MB pile up before it looks; with 24 MB the services are no slower and 80 MB smaller.
const smallYoung = "--max-semi-space-size=8";

/** By file. The accessor's second flag: docs/decisions/0019-flags-of-the-heap.md. */
const flagsOf: Record<string, readonly string[]> = {
  "accessor/main.ts": [smallYoung, "--initial-old-space-size=128"],
  "gateway/main.ts": [smallYoung],
};

/** Of a file in the checkout; none for what has none of its own. */
export const nodeFlags = (file: string): readonly string[] => flagsOf[file] ?? [];
