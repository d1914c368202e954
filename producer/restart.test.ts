// Real producer processes on a spool, killed and started again: at the server no hole and no
// double.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, onTestFinished, test } from "vitest";
import { openIngestStub, type StubState } from "../client/testing/ingest-stub.ts";
import { temporaryFolder } from "../client/testing/spool.ts";
import { timesOf } from "../codec/wire/samples.ts";

function startProducer(flags: string[], failpoints = "") {
  const script = new URL("./main.ts", import.meta.url).pathname;
  const child = spawn(process.execPath, [script, ...flags], {
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, MILLRACE_FAILPOINTS: failpoints },
  });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  onTestFinished(() => {
    child.kill("SIGKILL");
  });
  const ended = once(child, "close").then(([code, signalName]) => ({
    code,
    signalName,
    stderr: () => stderr,
  }));
  return { child, ended };
}

/** Fails if a lane has a hole or a sample of one machine came twice. */
function assertOnce({ producers, stored }: StubState): void {
  for (const batches of producers.values()) expect(batches.includes(null)).toBe(false);
  const seen = new Set<string>();
  for (const { machine, samples } of stored) {
    for (const timeUs of samples.flatMap((column) => [...timesOf(column)])) {
      const key = `${machine} ${timeUs}`;
      expect(seen.has(key)).toBe(false);
      seen.add(key);
    }
  }
}

const waitFor = async (done: () => boolean) => {
  while (!done()) await new Promise((resolve) => setTimeout(resolve, 10));
};

test("kill -9 again and again: the next process sends what the last one had taken, once", async () => {
  await using folder = await temporaryFolder();
  await using stub = await openIngestStub({}, {});
  const { state } = stub;
  const flags = [
    "--accessor",
    stub.url,
    "--spool",
    folder.path,
    "--machines",
    "2",
    "--batch-interval",
    "20ms",
  ];
  const failpoints = [
    "",
    "uplink.after-ack=exit@5",
    "spool.after-fsync=exit@20",
    "uplink.before-send=exit@7",
    "spool.before-ack=exit@3",
  ];
  for (const points of failpoints) {
    const { child, ended } = startProducer(flags, points);
    const goal = state.stored.length + 30;
    if (points === "")
      await waitFor(() => state.stored.length >= goal).then(() => child.kill("SIGKILL"));
    expect((await ended).signalName).toBe("SIGKILL");
  }
  const { ended } = startProducer([...flags, "--duration", "1s"]);
  expect(await ended).toMatchObject({ code: 0 });
  assertOnce(state);
  expect([...state.producers.keys()].sort()).toEqual(
    [...new Set(state.hellos.map(({ producerId }) => producerId))].sort(),
  );
  expect(state.producers.size).toBe(2);
  expect(state.stored.length).toBeGreaterThan(100);
});

test("what a killed process has taken while the server was away arrives later", async () => {
  await using folder = await temporaryFolder();
  const first = await openIngestStub();
  const { port } = first;
  await first[Symbol.asyncDispose]();
  const flags = [
    "--accessor",
    `http://127.0.0.1:${port}`,
    "--spool",
    folder.path,
    "--machines",
    "1",
  ];
  const { ended } = startProducer([...flags, "--start", "-1h"], "spool.after-fsync=exit@20");
  expect((await ended).signalName).toBe("SIGKILL");
  await using stub = await openIngestStub({}, { port });
  const last = startProducer([...flags, "--duration", "1s"]);
  expect(await last.ended).toMatchObject({ code: 0 });
  assertOnce(stub.state);
  const samples = stub.state.stored.flatMap((batch) =>
    batch.samples.flatMap(({ values }) => values),
  ).length;
  // Nineteen batches were promised before the kill, of about ten thousand samples each.
  expect(samples).toBeGreaterThanOrEqual(19 * 9000);
});

test("a disk that fails ends the process with 1, and the next one goes on from what is there", async () => {
  await using folder = await temporaryFolder();
  await using stub = await openIngestStub();
  const flags = [
    "--accessor",
    stub.url,
    "--spool",
    folder.path,
    "--machines",
    "1",
    "--batch-interval",
    "20ms",
  ];
  const failing = await startProducer(flags, "spool.before-fsync=throw@15").ended;
  expect(failing.code).toBe(1);
  expect(failing.stderr()).toMatch(/cannot be written any more/);
  expect(await startProducer([...flags, "--duration", "500ms"]).ended).toMatchObject({ code: 0 });
  assertOnce(stub.state);
  expect(stub.state.stored.length).toBeGreaterThan(14);
});

test("two processes cannot share a spool", async () => {
  await using folder = await temporaryFolder();
  await using stub = await openIngestStub();
  const flags = ["--accessor", stub.url, "--spool", folder.path, "--machines", "1"];
  const first = startProducer(flags);
  await waitFor(() => stub.state.stored.length > 0);
  const second = await startProducer(flags).ended;
  expect(second.code).toBe(1);
  expect(second.stderr()).toMatch(/another process uses this spool/);
  first.child.kill("SIGTERM");
  expect(await first.ended).toMatchObject({ code: 0 });
});
