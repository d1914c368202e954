// Reads what a source delivers: messages of Sparkplug by its births, all others by the rules.
import type { Delivery, Reading } from "./mapping/delivery.ts";
import type { Mapping } from "./mapping/mapping-file.ts";
import { createTopicReader } from "./mapping/read-topic.ts";
import { createSparkplugReader } from "./sparkplug/read-sparkplug.ts";
import { filtersOf, isSparkplug } from "./sparkplug/topic.ts";

export type Reader = {
  /** The filters of all topics that the mapping takes. */
  readonly filters: readonly string[];
  /** Never throws. Messages come in the order of the broker. */
  read(delivery: Delivery): Reading;
};

export function createReader(
  { topics: rules, sparkplug }: Mapping,
  { maxPayloadBytes }: { maxPayloadBytes: number },
): Reader {
  const readTopic = createTopicReader({ rules, maxPayloadBytes });
  const nodes = sparkplug && createSparkplugReader(sparkplug, { maxPayloadBytes });
  const filters = [
    ...rules.map(({ address }) => address.filter),
    ...(sparkplug === undefined ? [] : filtersOf(sparkplug.groups)),
  ];
  return {
    filters: [...new Set(filters)],
    read: (delivery) =>
      nodes !== undefined && isSparkplug(delivery.topic)
        ? nodes.read(delivery)
        : readTopic(delivery),
  };
}
