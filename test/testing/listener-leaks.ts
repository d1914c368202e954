// In every process of tests: listeners that accumulate fail the run, with the place that added one
// too many.
function failOnLeak(warning: Error): void {
  if (warning.name === "MaxListenersExceededWarning") throw warning;
}

// Test files in one process share one listener.
if (!process.listeners("warning").some(({ name }) => name === failOnLeak.name))
  process.on("warning", failOnLeak);
