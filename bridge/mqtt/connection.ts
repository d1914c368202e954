// The connection to a broker: a session that outlives it, subscriptions, and acknowledgements that
// are sent when the caller says so, in the order of the messages.
//
// MQTT.js acknowledges a message when its handler is done, and handles no other until then. Here
// many messages wait for one sync of the disk, so `handleMessage` tells MQTT.js not to acknowledge
// (an error does that), and the PUBACK is sent by its own writer when the message is stored.
import {
  connect,
  type IClientOptions,
  type IPublishPacket,
  type ISubscriptionMap,
  type MqttClient,
} from "mqtt";
import type { Log } from "../../runtime/log.ts";
import { type Ack, AckQueue } from "./ack-queue.ts";

export type ConnectionOptions = {
  /** mqtt://host:1883 or mqtts://host:8883. */
  broker: string;
  tls: Pick<IClientOptions, "ca" | "cert" | "key">;
  username: string | undefined;
  password: string | undefined;
  version: "5" | "3.1.1";
  clientId: string;
  /** Seconds that the broker keeps the session without us; undefined: it keeps none. */
  sessionSeconds: number | undefined;
  /** Filters of topics. */
  filters: readonly string[];
  /** Instances with the same name share the messages. */
  share: string | undefined;
  /** Messages that the broker may send before an acknowledgement (MQTT 5). */
  inFlight: number;
  /**
   * Takes a message. Reading waits until `room` resolves, if it is given. `ack` is called when the
   * message is stored.
   */
  onMessage(packet: IPublishPacket, ack: Ack): { room?: Promise<void> | undefined };
  /** Called when a connection stands; `resumed`: the broker has kept the session. */
  onConnect?(session: { resumed: boolean }): void;
  log: Log;
};

export type Connection = AsyncDisposable & {
  readonly connected: boolean;
  /** How often a connection was made. */
  readonly connects: number;
  /** Sends a message at QoS 0; lost while there is no connection. */
  publish(topic: string, payload: Uint8Array): void;
  /** Takes no more messages; acknowledgements are still sent. What comes stays with the broker. */
  stopTaking(): void;
};

const keepaliveSeconds = 30;
/** No message of a broker may be larger than this (MQTT 5); what is parsed has its own bound. */
const maxPacketBytes = 16 * 2 ** 20;
const closeMs = 1000;
const repeatMs = 60_000;
const notHere = new Error("acknowledged by the bridge");

/** Connects, again and again if need be. Never throws for a broker that is not there. */
export function openConnection(options: ConnectionOptions): Connection {
  const { version, sessionSeconds, inFlight, log } = options;
  const is5 = version === "5";
  const client = connect(options.broker, {
    ...options.tls,
    ...(options.username === undefined ? {} : { username: options.username }),
    ...(options.password === undefined ? {} : { password: options.password }),
    protocolVersion: is5 ? 5 : 4,
    clientId: options.clientId,
    clean: sessionSeconds === undefined,
    keepalive: keepaliveSeconds,
    reconnectPeriod: 1000,
    reconnectOnConnackError: true,
    connectTimeout: 10_000,
    // The subscriptions are made below, each time.
    resubscribe: false,
    queueQoSZero: false,
    manualConnect: true,
    ...(is5
      ? {
          properties: {
            receiveMaximum: inFlight,
            maximumPacketSize: maxPacketBytes,
            ...(sessionSeconds === undefined ? {} : { sessionExpiryInterval: sessionSeconds }),
          },
        }
      : {}),
  });
  let connects = 0;
  let closed = false;
  let stopped = false;
  let queue = new AckQueue(() => false);
  /** The socket that `queue` belongs to: ids of messages mean nothing on another one. */
  let stream: unknown;

  const reportError = createErrorReport(log);
  const queueOf = (): AckQueue => {
    if (stream !== client.stream) {
      const mine = client.stream;
      stream = mine;
      queue = new AckQueue((messageId) => {
        const isHere = client.stream === mine && client.connected;
        if (isHere) sendPuback(client, messageId);
        return isHere;
      });
    }
    return queue;
  };

  client.handleMessage = (packet, callback) => {
    if (stopped) return callback(notHere);
    const ack = packet.qos === 0 ? () => {} : queueOf().add(packet.messageId!);
    const { room } = options.onMessage(packet, ack);
    if (room === undefined) callback(notHere);
    else void holdReading(client, room).then(() => callback(notHere));
  };
  client.on("connect", ({ sessionPresent }) => {
    connects++;
    log.info("connected to the broker", { sessionPresent });
    options.onConnect?.({ resumed: sessionPresent });
    subscribe(client, options);
  });
  client.on("error", (error) => reportError(error.message || String(error)));
  client.on("close", () => {
    if (!closed) log.debug("the connection to the broker is closed");
  });
  client.on("disconnect", ({ reasonCode }) => log.warn("the broker disconnects", { reasonCode }));
  client.connect();

  return {
    get connected() {
      return client.connected;
    },
    get connects() {
      return connects;
    },
    publish(topic, payload) {
      if (client.connected) client.publish(topic, Buffer.from(payload), { qos: 0 });
    },
    stopTaking() {
      stopped = true;
    },
    async [Symbol.asyncDispose]() {
      stopped = true;
      closed = true;
      // A broker that does not answer must not hold the process.
      const force = setTimeout(() => client.end(true), closeMs);
      await client.endAsync(!client.connected);
      clearTimeout(force);
    },
  };
}

/** Logs an error when it is another one than before, and once a minute. */
function createErrorReport(log: Log): (message: string) => void {
  let last = { message: "", ms: 0 };
  return (message) => {
    const ms = performance.now();
    if (message === last.message && ms - last.ms < repeatMs) return;
    last = { message, ms };
    log.warn("the broker cannot be used, trying again each second", { error: message });
  };
}

function subscribe(client: MqttClient, { filters, share, version, log }: ConnectionOptions): void {
  const is5 = version === "5";
  // Our own commands need not come back, and retained messages only at the first subscription; a
  // shared subscription may say neither.
  const own = is5 && share === undefined ? { nl: true, rh: 1 } : {};
  const wanted = Object.fromEntries(
    filters.map((filter) => [
      share === undefined ? filter : `$share/${share}/${filter}`,
      { qos: 1 as const, ...own },
    ]),
  ) as ISubscriptionMap;
  client.subscribe(wanted, (error, granted) => {
    if (error && client.connected)
      log.error("the broker refuses a subscription", { error: error.message, granted });
    else if (!error) log.debug("subscribed", { topics: filters.length });
  });
}

/** Not part of the public interface of MQTT.js, whose version is fixed; a test holds it. */
function sendPuback(client: MqttClient, messageId: number): void {
  client["_sendPacket"]({ cmd: "puback", messageId, reasonCode: 0 }, () => {});
}

/** Waits while nothing is read; pings meanwhile, since their answers are not read either. */
async function holdReading(client: MqttClient, room: Promise<void>): Promise<void> {
  const timer = setInterval(() => {
    if (client.disconnecting) clearInterval(timer);
    if (!client.connected) return;
    client.sendPing();
    client.reschedulePing(true);
  }, keepaliveSeconds * 400);
  timer.unref();
  await room;
  clearInterval(timer);
}
