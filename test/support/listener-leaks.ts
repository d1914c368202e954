// In every process of tests: listeners that pile up fail the run, with the place that added one too
// many.
process.on("warning", (warning) => {
  if (warning.name === "MaxListenersExceededWarning") throw warning;
});
