// One life of a connection to an OPC UA server: session, subscription, watched nodes. It ends when
// the server says so, and when nothing has been heard for too long, whatever the library believes.
import {
  AttributeIds,
  type ClientMonitoredItemBase,
  type ClientSession,
  type ClientSubscription,
  type DataValue,
  MessageSecurityMode,
  OPCUAClient,
  type OPCUAClientOptions,
  SecurityPolicy,
  TimestampsToReturn,
  UserTokenType,
} from "node-opcua-client";
import type { OpcuaMapping } from "../mapping/opcua-section.ts";

export type ServerOptions = {
  /** "opc.tcp://host:4840". */
  endpoint: string;
  security: "none" | "sign" | "sign-and-encrypt";
  user: { name: string; password: string } | undefined;
  /** Where certificates are kept: our own, and those of servers that are trusted. */
  certificates: NonNullable<OPCUAClientOptions["clientCertificateManager"]>;
  mapping: OpcuaMapping;
  /** How long nothing may be heard, not even that nothing has changed. */
  silenceMs: number;
};

export type LifeEvents = {
  onValue(index: number, value: DataValue): void;
  /** A node that the server does not watch, and why. */
  onRefused(index: number, why: string): void;
  onWatching(): void;
};

/** Values that a server keeps for a node between two publications. */
const queueSize = 10_000;
/** Watched in one request: some servers limit it. */
const nodesInRequest = 500;
/** The longest that closing may take. */
const closeMs = 2_000;

/** Resolves with why it ended. Rejects if it cannot begin. */
export async function liveOnce(
  options: ServerOptions,
  { onValue, onRefused, onWatching }: LifeEvents,
  abort: AbortSignal,
): Promise<string> {
  const { endpoint, mapping, silenceMs } = options;
  const client = createClient(options);
  const { promise: ended, resolve: end } = Promise.withResolvers<string>();
  const onAbort = () => end("stopped");
  abort.addEventListener("abort", onAbort, { once: true });
  let heardMs = performance.now();
  const heard = () => {
    heardMs = performance.now();
  };
  const watch = setInterval(
    () => {
      if (performance.now() - heardMs > silenceMs)
        end(`nothing was heard for ${Math.round(silenceMs / 1000)} s`);
    },
    Math.max(10, silenceMs / 10),
  );
  client.on("connection_lost", () => end("the connection was lost"));
  client.on("close", (error) => end(error ? error.message : "the connection was closed"));
  try {
    const begun = begin(client, { endpoint, user: options.user, mapping, silenceMs });
    // What comes late has nobody to wait for it.
    begun.catch(() => {});
    const first = await Promise.race([begun, ended]);
    if (typeof first === "string") return first;
    const { session, subscription } = first;
    session.on("session_closed", (status) => end(`the session was closed: ${status.name}`));
    subscription.on("keepalive", heard);
    subscription.on("received_notifications", heard);
    subscription.on("terminated", () => end("the subscription was ended"));
    subscription.on("status_changed", (status) => end(`the subscription ended: ${status.name}`));
    subscription.on("internal_error", (error) => end(error.message));
    heard();
    const watched = watchNodes(subscription, mapping, {
      onValue(index, value) {
        heard();
        onValue(index, value);
      },
      onRefused,
    });
    watched.catch((error: Error) => end(error.message));
    await Promise.race([watched, ended]);
    onWatching();
    return await ended;
  } finally {
    clearInterval(watch);
    abort.removeEventListener("abort", onAbort);
    await close(client);
  }
}

function createClient({ security, certificates }: ServerOptions): OPCUAClient {
  const secured = security !== "none";
  return OPCUAClient.create({
    applicationName: "Millrace",
    clientName: "millrace",
    endpointMustExist: false,
    // The owner of this life decides when to try again.
    connectionStrategy: { maxRetry: 0, initialDelay: 100, maxDelay: 1_000 },
    keepSessionAlive: true,
    securityMode:
      security === "sign-and-encrypt"
        ? MessageSecurityMode.SignAndEncrypt
        : secured
          ? MessageSecurityMode.Sign
          : MessageSecurityMode.None,
    securityPolicy: secured ? SecurityPolicy.Basic256Sha256 : SecurityPolicy.None,
    clientCertificateManager: certificates,
  });
}

async function begin(
  client: OPCUAClient,
  {
    endpoint,
    user,
    mapping,
    silenceMs,
  }: Pick<ServerOptions, "endpoint" | "user" | "mapping" | "silenceMs">,
): Promise<{ session: ClientSession; subscription: ClientSubscription }> {
  await client.connect(endpoint);
  const session = await client.createSession(
    user === undefined
      ? { type: UserTokenType.Anonymous }
      : { type: UserTokenType.UserName, userName: user.name, password: user.password },
  );
  const { publishingMs } = mapping;
  // The server says that nothing has changed three times before its silence is too long.
  const keepAlive = Math.max(1, Math.floor(silenceMs / 3 / publishingMs));
  const subscription = await session.createSubscription2({
    requestedPublishingInterval: publishingMs,
    requestedMaxKeepAliveCount: keepAlive,
    requestedLifetimeCount: Math.max(100, keepAlive * 10),
    maxNotificationsPerPublish: 10_000,
    publishingEnabled: true,
    priority: 1,
  });
  return { session, subscription };
}

async function watchNodes(
  subscription: ClientSubscription,
  { nodes, samplingMs }: OpcuaMapping,
  { onValue, onRefused }: Pick<LifeEvents, "onValue" | "onRefused">,
): Promise<void> {
  // Nodes with one sampling interval are watched together.
  const groups = Map.groupBy(nodes.entries(), ([, node]) => node.samplingMs ?? samplingMs);
  for (const [interval, all] of groups)
    for (let at = 0; at < all.length; at += nodesInRequest) {
      const some = all.slice(at, at + nodesInRequest);
      const group = await subscription.monitorItems(
        some.map(([, { nodeId }]) => ({ nodeId, attributeId: AttributeIds.Value })),
        { samplingInterval: interval, discardOldest: true, queueSize },
        TimestampsToReturn.Both,
      );
      group.on("changed", (_: ClientMonitoredItemBase, value: DataValue, index: number) =>
        onValue(some[index]![0], value),
      );
      for (const [i, { statusCode }] of group.monitoredItems.entries())
        if (!statusCode.isGood()) onRefused(some[i]![0], statusCode.name);
    }
}

/** Never throws, and does not wait for a server that does not answer. */
async function close(client: OPCUAClient): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, closeMs);
  await Promise.race([client.disconnect().catch(() => {}), late]);
  clearTimeout(timer);
}
