// How the store is doing: rates, lag, sizes, versions, and what is wrong in words.
import { toDurationUs, toTimeUs } from "../../codec/timestamps.ts";
import { clients } from "../contract/clients.ts";
import { useAnswer } from "../contract/use-answer.ts";
import { frame } from "../english/frame.ts";
import { systemWords as words } from "../english/system.ts";
import { ExportMenu } from "../exports/export-menu.tsx";
import { Card, Figures } from "../parts/card.tsx";
import { Loading, Problem } from "../parts/notice.tsx";
import { ageText, bytesText, dateTimeText, fixedNumber, lengthText } from "../time/format.ts";
import { nowUs } from "../time/now.ts";
import { zone } from "../time/zone.ts";
import "./system.css";

const everyMs = 2_000;
const staleMs = 10_000;

export default function SystemView() {
  const of = clients.value.status;
  const answer = useAnswer((abort) => of.getStatus({}, { signal: abort }), [of], { everyMs });
  const { value: status, problem, atMs } = answer;
  if (status === undefined)
    return problem === undefined ? <Loading /> : <Problem text={problem} again={answer.again} />;
  const ageMs = nowUs.value / 1_000 - (atMs ?? 0);
  const { stored, feeds, history, problems } = status;
  const readUs = toTimeUs(status.time)!;
  const commitUs = toTimeUs(status.commitTime);
  const compactedUs = toTimeUs(history?.compactedTime);
  const number = (value: number | bigint | undefined) => Number(value ?? 0).toLocaleString("en-GB");
  const rate = (value: number | undefined) => fixedNumber(value ?? 0, (value ?? 0) < 100 ? 1 : 0);
  return (
    <>
      <div class="toolbar">
        <h1>{words.title}</h1>
        <span class="grow" />
        <ExportMenu
          fileName={words.title}
          items={() => [{ what: words.title, path: "/status", rows: false }]}
        />
      </div>
      {problem !== undefined && ageMs > staleMs && (
        <p class="notice problem">
          {problem} {frame.stale(ageText(ageMs * 1_000))}
        </p>
      )}
      {problems.length === 0 ? (
        <p class="notice well">{words.well}</p>
      ) : (
        <Card title={words.problems}>
          <ul class="problems">
            {problems.map(({ kind, message }) => (
              <li key={kind}>{message}</li>
            ))}
          </ul>
        </Card>
      )}
      <div class="system-cards">
        <Card title={words.stored} how={words.storedHow}>
          <Figures
            of={[
              [words.records, rate(stored?.records)],
              [words.batches, rate(stored?.batches)],
              [words.bytes, bytesText(stored?.bytes ?? 0)],
              [words.machines, number(status.machines)],
              [
                words.newest,
                commitUs === undefined ? words.never : words.ago(lengthText(readUs - commitUs)),
              ],
            ]}
          />
        </Card>
        <Card title={words.sent} how={words.sentHow}>
          <Figures
            of={[
              [words.feeds, number(feeds?.open)],
              [words.records, rate(feeds?.sent?.records)],
              [words.batches, rate(feeds?.sent?.batches)],
              [words.bytes, bytesText(feeds?.sent?.bytes ?? 0)],
            ]}
          />
        </Card>
        <Card title={words.history} how={words.historyHow}>
          <Figures
            of={[
              [words.lag, lengthText(history?.lag === undefined ? 0 : toDurationUs(history.lag))],
              [words.lagCommits, number(history?.lagCommits)],
              [
                words.compacted,
                compactedUs === undefined
                  ? words.notYet
                  : words.ago(lengthText(Math.max(0, readUs - compactedUs))),
              ],
              [words.held, number(history?.heldCommits)],
              [words.quarantined, number(history?.quarantinedRows)],
            ]}
          />
        </Card>
        <Card title={words.disk} how={words.diskHow}>
          <Figures
            of={[
              [words.log, bytesText(Number(history?.logBytes ?? 0n))],
              [words.blocks, bytesText(Number(history?.historyBytes ?? 0n))],
              [words.database, bytesText(Number(history?.databaseBytes ?? 0n))],
              [
                words.logWindow,
                lengthText(history?.logWindow === undefined ? 0 : toDurationUs(history.logWindow)),
              ],
              [
                words.retention,
                history?.retention === undefined
                  ? words.forEver
                  : lengthText(toDurationUs(history.retention)),
              ],
            ]}
          />
        </Card>
        <Card title={words.versions}>
          <Figures
            of={[
              [words.accessor, status.version],
              [words.postgres, status.databaseVersion],
              [words.schema, status.schemaVersion.slice(0, 4)],
              [words.started, dateTimeText(toTimeUs(status.startTime)!, zone.value)],
            ]}
          />
        </Card>
      </div>
    </>
  );
}
