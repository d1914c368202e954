// Acknowledgements at a real broker (aedes, MQTT 3.1.1): sent when a message is stored, in order,
// many messages at once, and never on another connection than the message came by.
import type { IPublishPacket } from "mqtt";
import { expect, test } from "vitest";
import { createLog } from "../../runtime/log.ts";
import { eventually, settled } from "../../test/testing/eventually.ts";
import { openAedes } from "../testing/brokers.ts";
import { openPublisher } from "../testing/open-bridge.ts";
import type { Ack } from "./ack-queue.ts";
import { openConnection } from "./connection.ts";

const silent = createLog({ name: "test", level: "silent" });

type Taken = { packet: IPublishPacket; ack: Ack };

function openTestConnection(broker: string, room?: () => Promise<void> | undefined) {
  const taken: Taken[] = [];
  const connection = openConnection({
    broker,
    tls: {},
    username: undefined,
    password: undefined,
    version: "3.1.1",
    clientId: "bridge",
    sessionSeconds: 60,
    filters: ["t/#"],
    share: undefined,
    inFlight: 100,
    onMessage(packet, ack) {
      taken.push({ packet, ack });
      return { room: room?.() };
    },
    log: silent,
  });
  return Object.assign(connection, { taken });
}

const subscribed = (connection: { connected: boolean }) =>
  eventually("the bridge is connected", () => connection.connected);

test("a message is acknowledged when the caller says so, in the order of arrival", async () => {
  await using broker = await openAedes();
  await using connection = openTestConnection(broker.url);
  await subscribed(connection);
  await using publisher = await openPublisher(broker.url);
  await settled(() => connection.connects);
  for (const word of ["a", "b", "c"]) await publisher.send("t/x", word);
  await eventually("three messages are there", () => connection.taken.length === 3);
  expect(broker.acked).toEqual([]);
  const [first, second, third] = connection.taken as [Taken, Taken, Taken];
  const sent: string[] = [];
  third.ack(() => sent.push("third"));
  second.ack(() => sent.push("second"));
  expect(await settled(() => broker.acked.length)).toBe(0);
  first.ack(() => sent.push("first"));
  expect(sent).toEqual(["first", "second", "third"]);
  await eventually("all are acknowledged", () => broker.acked.length === 3);
});

test("without an acknowledgement the broker sends it again, and an old one is not sent", async () => {
  await using broker = await openAedes();
  await using connection = openTestConnection(broker.url);
  await subscribed(connection);
  await using publisher = await openPublisher(broker.url);
  await settled(() => connection.connects);
  await publisher.send("t/x", "a");
  await eventually("the message is there", () => connection.taken.length === 1);
  broker.cut();
  await eventually("it is sent again", () => connection.taken.length === 2);
  const [first, second] = connection.taken as [Taken, Taken];
  expect(second.packet.messageId).toBe(first.packet.messageId);
  let sent = 0;
  first.ack(() => sent++);
  expect(await settled(() => broker.acked.length)).toBe(0);
  expect(sent).toBe(0);
  second.ack(() => sent++);
  expect(sent).toBe(1);
  await eventually("it is acknowledged", () => broker.acked.length === 1);
});

test("nothing is read while there is no room", async () => {
  await using broker = await openAedes();
  const room = Promise.withResolvers<void>();
  await using connection = openTestConnection(broker.url, () => room.promise);
  await subscribed(connection);
  await using publisher = await openPublisher(broker.url);
  await settled(() => connection.connects);
  await publisher.send("t/x", "a", { qos: 0 });
  await publisher.send("t/x", "b", { qos: 0 });
  await eventually("the first is there", () => connection.taken.length === 1);
  expect(await settled(() => connection.taken.length)).toBe(1);
  room.resolve();
  await eventually("the second is there", () => connection.taken.length === 2);
});

test("what comes after the stop stays with the broker", async () => {
  await using broker = await openAedes();
  await using publisher = await openPublisher(broker.url);
  {
    await using connection = openTestConnection(broker.url);
    await subscribed(connection);
    await settled(() => connection.connects);
    connection.stopTaking();
    await publisher.send("t/x", "a");
    expect(await settled(() => connection.taken.length)).toBe(0);
  }
  await publisher.send("t/x", "b");
  await using later = openTestConnection(broker.url);
  await eventually("both are there", () => later.taken.length === 2);
  expect(broker.acked).toEqual([]);
});
