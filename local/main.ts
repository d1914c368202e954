// `npm start`: PostgreSQL, accessor, gateway and producer on this machine. Checks the Node version
// first, then start.ts does the rest.
const major = Number(process.versions.node.split(".")[0]);
if (major < 24) {
  console.error(
    `Millrace needs Node 24; this is ${process.version}. Use npm start, which brings its own, or install Node 24.`,
  );
  process.exitCode = 1;
} else {
  await import("./start.ts");
}

export {};
