// Which rule takes a metric, and the metric as it was born: what data that names it only by its
// alias, or gives no type, means.
import type { Metric } from "#gen/sparkplug/b/v1/payload_pb.ts";
import { parsePath } from "../mapping/json-path.ts";
import { numericSignal } from "../mapping/records.ts";
import type { GivesValue, Rule } from "../mapping/rule.ts";
import type { SparkplugMapping } from "../mapping/sparkplug-section.ts";
import { type Captures, fillText, matchAddress, parseAddress } from "../mapping/templates.ts";
import { unitOf } from "./metric.ts";
import type { SparkplugTopic } from "./topic.ts";

/** A metric as its birth declares it. */
export type BornMetric = {
  readonly name: string;
  readonly datatype: number;
  /** Undefined: it is not stored. */
  readonly taken: { readonly rule: Rule; readonly captures: Captures } | undefined;
};

/** Metrics about the session itself. */
const ofSession = /^(?:bdSeq$|Node Control\/|Device Control\/)/;

/** The name of the machine of a node or device. */
export function machineOf(
  { machine, nodeMachine }: SparkplugMapping,
  { group, node, device }: SparkplugTopic,
): string {
  return device === undefined
    ? fillText(nodeMachine, { group, node })
    : fillText(machine, { group, node, device });
}

/** Decides once for each metric of a birth; `machine` is that of the node or device. */
export function bearMetric(
  mapping: SparkplugMapping,
  {
    metric,
    name,
    at,
    machine,
  }: { metric: Metric; name: string; at: SparkplugTopic; machine: string },
): BornMetric {
  const datatype = metric.datatype ?? 0;
  if (ofSession.test(name)) return { name, datatype, taken: undefined };
  const own = { group: at.group, node: at.node, device: at.device ?? "", metric: name };
  const unit = unitOf(metric);
  for (const rule of mapping.metrics) {
    const captures = matchAddress(rule.address, name);
    if (captures === undefined) continue;
    const taken = {
      rule: withUnit(withMachine(rule, machine), unit),
      captures: { ...own, ...captures },
    };
    return { name, datatype, taken };
  }
  if (!isNumeric(datatype)) return { name, datatype, taken: undefined };
  const rule = withUnit(withMachine(defaultRule(mapping), machine), unit);
  return { name, datatype, taken: { rule, captures: own } };
}

/** The signal of a metric that becomes a value; undefined for others. */
export function signalOf({ taken }: BornMetric): string | undefined {
  if (taken === undefined || taken.rule.gives.kind !== "value") return undefined;
  const { signal } = taken.rule.gives;
  return "template" in signal
    ? numericSignal(fillText(signal.template, taken.captures))
    : undefined;
}

/** Integers, floating point and booleans; data without a type may be of these. */
const isNumeric = (datatype: number) => datatype <= 11;

function withMachine(rule: Rule, machine: string): Rule {
  const { template } = "template" in rule.machine ? rule.machine : {};
  if (template === undefined || template.parts.length > 0) return rule;
  return { ...rule, machine: { template: { parts: [machine] }, fixed: true } };
}

/** The unit of the birth applies if the rule has none. */
function withUnit(rule: Rule, unit: string): Rule {
  if (unit === "" || rule.gives.kind !== "value" || rule.gives.unit !== undefined) return rule;
  const gives = { ...rule.gives, unit: { template: { parts: [unit] }, fixed: true } };
  return { ...rule, gives };
}

function defaultRule({ sampleType, maxGap, duplicates }: SparkplugMapping): Rule {
  const gives: GivesValue = {
    kind: "value",
    signal: { template: { parts: [{ name: "metric" }] }, fixed: false },
    value: document,
    unit: undefined,
    maxGap,
    sampleType,
  };
  return { ...anyMetric, duplicates, gives };
}

const document = parsePath("$") as Exclude<ReturnType<typeof parsePath>, { fault: string }>;
const anyMetric = {
  address: parseAddress("#") as Exclude<ReturnType<typeof parseAddress>, { fault: string }>,
  payload: "json",
  when: [],
  each: undefined,
  machine: { template: { parts: [] }, fixed: false },
  time: undefined,
  epoch: undefined,
  ignore: new Set<string>(),
  optional: false,
} as const;
