// GET /machines/…/summary: what machines did in a window.
import { Code } from "@connectrpc/connect";
import { MachineStateSchema, SeveritySchema } from "#gen/millrace/v1/signal_pb.ts";
import {
  type EnergyAbsence,
  EnergyAbsenceSchema,
  type EnergySummary,
  type ErrorSummary,
  type MachineGroupSummary,
  type MachineSummary,
  type StateSummary,
} from "#gen/millrace/v1/summary_pb.ts";
import { toWord } from "../../codec/row/enum-words.ts";
import { timeText } from "../../codec/row/time-text.ts";
import { lazyList } from "../encoding/json-in-turns.ts";
import { reasonError } from "../errors/reasons.ts";
import type { RestAnswer, RestCall, VersionQuery } from "./call.ts";
import { echoRange, nextPage, resolvePage, toPageToken, toRangeFields } from "./page.ts";
import type { Parameter } from "./parameters.ts";
import { type SummaryQuery, toSummaryFields } from "./summary-parameters.ts";
import { toSeconds } from "./time.ts";

type ManyQuery = SummaryQuery & {
  machine: Parameter<string[]>;
  label: Parameter<string[]>;
  group_by_label: Parameter<string>;
  limit: Parameter<number>;
  page_token: Parameter<string>;
};

function toRequest({ query }: RestCall<SummaryQuery>, machines: string[]) {
  const range = toRangeFields({ from: query.from?.us, to: query.to?.us });
  return { machines, ...range, ...toSummaryFields(query), minCursor: query.min_cursor ?? "" };
}

export function queryOfMachine(call: RestCall<SummaryQuery>): VersionQuery {
  return { case: "summarizeMachines", value: toRequest(call, [call.path["machine"]!]) };
}

function toPageRequest({ query }: RestCall<ManyQuery>) {
  const asked = { from: query.from, to: query.to, pageToken: query.page_token };
  const page = resolvePage(asked);
  const what = {
    machines: query.machine ?? [],
    labels: query.label ?? [],
    ...toRangeFields(page),
    minCursor: query.min_cursor ?? "",
  };
  return {
    asked,
    page,
    request: {
      ...what,
      ...toSummaryFields(query),
      groupByLabel: query.group_by_label ?? "",
      pageSize: query.limit ?? 0,
      pageToken: page.pageToken,
    },
  };
}

export function queryOfMachines(call: RestCall<ManyQuery>): VersionQuery {
  return { case: "summarizeMachines", value: toPageRequest(call).request };
}

export async function summarizeMachine(call: RestCall<SummaryQuery>): Promise<RestAnswer> {
  const machine = call.path["machine"]!;
  const answer = await call.upstream.signals.summarizeMachines(
    toRequest(call, [machine]),
    call.unary,
  );
  const [summary] = answer.machines;
  if (!summary) {
    const message = `no machine ${JSON.stringify(machine)} has sent anything; GET /machines lists the machines that have`;
    throw reasonError("MACHINE_UNKNOWN", Code.NotFound, message, { metadata: { machine } });
  }
  return { body: { ...toCompared(summary, answer.compared[0]), cursor: answer.cursor } };
}

export async function summarizeMachines(call: RestCall<ManyQuery>): Promise<RestAnswer> {
  const { asked, page, request } = toPageRequest(call);
  const { machines, compared, groups, comparedGroups, cursor, nextPageToken } =
    await call.upstream.signals.summarizeMachines(request, call.unary);
  const groupList =
    request.groupByLabel === ""
      ? undefined
      : groups.map((group, i) => {
          const other = comparedGroups[i];
          return { ...toGroup(group), compared: other && toGroup(other) };
        });
  return {
    ...nextPage(nextPageToken, echoRange(page)),
    body: {
      machines: lazyList(
        machines.map((summary, i) => ({ summary, other: compared[i] })),
        ({ summary, other }) => toCompared(summary, other),
      ),
      groups: groupList,
      next_page_token: toPageToken(nextPageToken, asked, page),
      cursor,
    },
  };
}

const toCompared = (summary: MachineSummary, other: MachineSummary | undefined) => ({
  ...toSummary(summary),
  compared: other && toSummary(other),
});

const toSummary = (summary: MachineSummary) => ({
  machine: summary.machine,
  from: timeText(summary.startTime),
  to: timeText(summary.endTime),
  states: toStates(summary.states),
  silence_tolerance_seconds: summary.silenceTolerance && toSeconds(summary.silenceTolerance),
  transitions: Number(summary.transitions),
  availability: summary.availability,
  energy: summary.energy && toEnergy(summary.energy),
  energy_absence: toAbsence(summary.energyAbsence),
  errors: toErrors(summary.errors),
});

const toGroup = ({ energy, ...group }: MachineGroupSummary) => ({
  value: group.value,
  machine_count: group.machineCount,
  from: timeText(group.startTime),
  to: timeText(group.endTime),
  states: toStates(group.states),
  transitions: Number(group.transitions),
  availability: group.availability,
  energy: energy && {
    energy_kwh: energy.coverage === 0 ? undefined : energy.energyKwh,
    coverage: energy.coverage,
    machine_count: energy.machineCount,
  },
  errors: toErrors(group.errors),
});

export const toAbsence = (absence: EnergyAbsence) =>
  absence === 0 ? undefined : toWord(EnergyAbsenceSchema, absence);

export const toStates = (states: readonly StateSummary[]) =>
  states.map(({ state, time, energyKwh, energyCoverage, silentTime }) => ({
    state: state === 0 ? "UNKNOWN" : toWord(MachineStateSchema, state),
    seconds: time ? toSeconds(time) : 0,
    silent_seconds: silentTime ? toSeconds(silentTime) : 0,
    energy_kwh: energyCoverage === 0 ? undefined : energyKwh,
    energy_coverage: energyCoverage,
  }));

const toEnergy = (energy: EnergySummary) => ({
  energy_kwh: energy.coverage === 0 ? undefined : energy.energyKwh,
  coverage: energy.coverage,
  method: energy.method,
  max_gap_seconds: energy.maxGap && toSeconds(energy.maxGap),
  mean_power_w: energy.meanPowerW,
  peak_power_w: energy.peakPowerW,
  peak_time: timeText(energy.peakTime),
  peak_demand_w: energy.peakDemandW,
  peak_demand_time: timeText(energy.peakDemandTime),
  peak_demand_coverage: energy.peakDemandW === undefined ? undefined : energy.peakDemandCoverage,
});

const toErrors = (errors: ErrorSummary | undefined) => ({
  count: Number(errors?.count ?? 0n),
  by_severity: Object.fromEntries(
    (errors?.bySeverity ?? []).map(({ severity, count }) => [
      toWord(SeveritySchema, severity),
      Number(count),
    ]),
  ),
  by_code: (errors?.byCode ?? []).map(({ code, count }) => ({ code, count: Number(count) })),
  other_codes: Number(errors?.otherCodes ?? 0n),
  per_active_hour: errors?.perActiveHour,
  mean_active_seconds_between:
    errors?.meanActiveTimeBetween && toSeconds(errors.meanActiveTimeBetween),
});
