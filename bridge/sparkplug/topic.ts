// Topics of Sparkplug B: spBv1.0/GROUP/TYPE/NODE, and /DEVICE.

export type MessageType =
  | "NBIRTH"
  | "NDATA"
  | "NDEATH"
  | "NCMD"
  | "DBIRTH"
  | "DDATA"
  | "DDEATH"
  | "DCMD";

export type SparkplugTopic = {
  readonly group: string;
  readonly type: MessageType;
  readonly node: string;
  /** Undefined: the node itself. */
  readonly device: string | undefined;
};

const namespace = "spBv1.0";
const types: ReadonlySet<string> = new Set(
  "NBIRTH NDATA NDEATH NCMD DBIRTH DDATA DDEATH DCMD".split(" "),
);

export const isSparkplug = (topic: string): boolean => topic.startsWith(`${namespace}/`);

/** Undefined: not a topic of a node or a device, such as spBv1.0/STATE/HOST. */
export function parseTopic(topic: string): SparkplugTopic | undefined {
  const [first, group = "", type = "", node = "", device, ...more] = topic.split("/");
  if (first !== namespace || group === "" || node === "" || device === "" || more.length > 0)
    return undefined;
  if (!types.has(type) || type.startsWith("D") !== (device !== undefined)) return undefined;
  return { group, type: type as MessageType, node, device };
}

/** The filters of MQTT for the groups; none: all. */
export const filtersOf = (groups: readonly string[]): string[] =>
  (groups.length === 0 ? ["+"] : groups).flatMap((group) => [
    `${namespace}/${group}/+/+`,
    `${namespace}/${group}/+/+/+`,
  ]);

export const commandTopic = ({ group, node }: { group: string; node: string }): string =>
  `${namespace}/${group}/NCMD/${node}`;
