// In every process of tests: listeners that pile up fail the run, with the place that added one too
// many.
function failOnLeak(warning: Error): void {
  if (warning.name === "MaxListenersExceededWarning") throw warning;
}

// Files that share a process have one listener between them.
if (!process.listeners("warning").some(({ name }) => name === failOnLeak.name))
  process.on("warning", failOnLeak);
