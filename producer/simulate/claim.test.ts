// Claims among processes of this computer, on its real list of sockets.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import { claimMachines } from "./claim.ts";

// A port of its own for each test: nobody listens there, and nobody needs to.
let port = 1 + (process.pid % 30_000);
const anAccessor = () => `http://127.0.0.1:${port++}`;

test("machines are simulated once for an accessor, whatever it is called, until the claim goes", async () => {
  const accessor = anAccessor();
  const localhost = accessor.replace("127.0.0.1", "localhost");
  {
    await using _ = await claimMachines({ accessor, firstMachine: 1, machines: 5 });
    for (const [firstMachine, machines] of [
      [1, 20],
      [5, 1],
      [3, 1],
    ] as const)
      await expect(claimMachines({ accessor: localhost, firstMachine, machines })).rejects.toThrow(
        `process ${process.pid} already simulates machines 1 to 5 for ${localhost}: choose others with --first-machine 6`,
      );
    await using __ = await claimMachines({ accessor, firstMachine: 6, machines: 20 });
    await expect(claimMachines({ accessor, firstMachine: 1, machines: 5 })).rejects.toThrow(
      "--first-machine 26",
    );
    await using ___ = await claimMachines({ accessor: anAccessor(), firstMachine: 1, machines: 5 });
  }
  await using _ = await claimMachines({ accessor, firstMachine: 1, machines: 5 });
});

test("the claim of a process that is killed goes with it", async () => {
  const accessor = anAccessor();
  const fleet = { accessor, firstMachine: 1, machines: 2 };
  const code = `import { claimMachines } from ${JSON.stringify(new URL("./claim.ts", import.meta.url).href)};
    await claimMachines(${JSON.stringify(fleet)});
    console.log("held");
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", code], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  await expect(claimMachines(fleet)).rejects.toThrow(`process ${child.pid} already simulates`);
  child.kill("SIGKILL");
  await once(child, "exit");
  await using _ = await claimMachines(fleet);
});
