// Long work for a caller takes turns in that caller's name, so that many exports of one caller do
// not hold up another's.
import { expect, test } from "vitest";
import { Scope } from "#gen/millrace/v1/access_pb.ts";
import { toSamples } from "../../codec/wire/samples.ts";
import { turnsWaiting } from "../../runtime/turns.ts";
import { openTestGateway } from "../testing/gateway.ts";

const count = 100_000;
const samples = toSamples(
  { signal: "power", unit: "W", maxGapUs: undefined },
  {
    timesUs: Float64Array.from({ length: count }, (_, i) => i * 10_000),
    values: Float64Array.from({ length: count }, (_, i) => i / 8),
  },
);

test("exports of a credential, and of an address without one, take turns by its name", async () => {
  await using gateway = await openTestGateway();
  gateway.accessor.signals = {
    listSignals: () => ({ signals: [] }),
    async *readSignals() {
      yield { cursor: "c1", batches: [{ machine: "press-1", samples: [samples] }] };
    },
  };
  gateway.accessor.access = {
    whoAmI: (_, { requestHeader }) => {
      const key = requestHeader.get("authorization")?.slice(7);
      return key === undefined ? { open: true } : { principal: { id: key, scopes: [Scope.ADMIN] } };
    },
  };
  const ask = async (headers: Record<string, string>) => {
    const answer = await fetch(`${gateway.baseUrl}/signals/power?format=csv`, { headers });
    expect((await answer.text()).split("\n")).toHaveLength(count + 2);
  };
  const owners = new Set<unknown>();
  let over = false;
  const look = () => {
    for (const owner of turnsWaiting()) if (typeof owner === "string") owners.add(owner);
    if (!over) setImmediate(look);
  };
  look();
  await Promise.all([
    ask({ authorization: "Bearer many" }),
    ask({ authorization: "Bearer one" }),
    ask({}),
  ]);
  over = true;
  expect([...owners].sort()).toEqual(["address 127.0.0.1", "key many", "key one"]);
  expect(turnsWaiting()).toEqual([]);
});
