// Reads the contents of PostgreSQL directly, not through any service of ours.
import { create, fromBinary } from "@bufbuild/protobuf";
import pg from "pg";
import { BatchSchema, SignalKind } from "#gen/millrace/v1/signal_pb.ts";
import { decodeBlock } from "../../codec/block/decode.ts";
import type { Column } from "../../codec/column.ts";
import { type Content, contentOf, digestOfColumn, errorText, stateText } from "./content.ts";

export type StoredCommit = {
  revision: number;
  content: Content;
  columns: Map<string, Column>;
  /** stateText and errorText of its records. */
  states: string[];
  errors: string[];
};

export type Stored = {
  /** By revision. */
  commits: Map<number, StoredCommit>;
  receipts: { producer: string; sequence: number; revision: number }[];
  head: number;
  watermark: number;
  quarantined: number;
  /** Rows of the plain tables, by revision. */
  stateRows: Map<number, number>;
  errorRows: Map<number, number>;
};

export async function readStored(databaseUrl: string): Promise<Stored> {
  const client = new pg.Client({ connectionString: databaseUrl, options: "-c timezone=UTC" });
  client.on("error", () => {});
  await client.connect();
  try {
    const rows = async (text: string) =>
      (await client.query({ text, rowMode: "array" })).rows as unknown[][];
    await client.query("begin isolation level repeatable read");
    const receipts = (
      await rows(
        "select p.name, r.sequence, r.revision from receipt r join producer p on p.id = r.producer_id order by 1, 2",
      )
    ).map(([producer, sequence, revision]) => ({
      producer: String(producer),
      sequence: Number(sequence),
      revision: Number(revision),
    }));
    const commits = new Map<number, StoredCommit>();
    const log = await rows(
      `select l.revision, m.name, s.signal, s.kind, l.payload from log l join series s on s.id = l.series_id join machine m on m.id = s.machine_id
       order by l.revision, l.series_id`,
    );
    for (const [revision, machine, signal, kind, payload] of log)
      addRow(commits, {
        revision: Number(revision),
        machine: String(machine),
        signal: String(signal),
        kind: Number(kind),
        payload: payload as Buffer,
      });
    const count = async (table: string) =>
      new Map(
        (await rows(`select revision, count(*) from ${table} group by revision`)).map(
          ([revision, n]) => [Number(revision), Number(n)],
        ),
      );
    const one = async (text: string) => Number((await rows(text))[0]![0]);
    return {
      commits,
      receipts,
      head: receipts.reduce((head, { revision }) => Math.max(head, revision), 0),
      watermark: await one("select max(revision) from watermark"),
      quarantined: await one("select count(*) from quarantine"),
      stateRows: await count("state_change"),
      errorRows: await count("error_report"),
    };
  } finally {
    await client.end().catch(() => {});
  }
}

type LogRow = { revision: number; machine: string; signal: string; kind: number; payload: Buffer };

function addRow(
  commits: Map<number, StoredCommit>,
  { revision, machine, signal, kind, payload }: LogRow,
): void {
  const commit: StoredCommit = commits.get(revision) ?? {
    revision,
    content: { machine, parts: new Map() },
    columns: new Map(),
    states: [],
    errors: [],
  };
  commits.set(revision, commit);
  const parts = commit.content.parts as Map<string, string>;
  // No client sent a second row of one series, or a second machine.
  const key =
    parts.has(signal) || commit.content.machine !== machine ? `${machine}/${signal} again` : signal;
  if (kind === SignalKind.NUMERIC) {
    const column = decodeBlock(payload);
    parts.set(key, digestOfColumn(column));
    commit.columns.set(signal, column);
  } else {
    const batch = create(BatchSchema, { ...fromBinary(BatchSchema, payload), machine });
    for (const [, text] of contentOf(batch).parts) parts.set(key, text);
    commit.states.push(...batch.stateChanges.map(stateText));
    commit.errors.push(...batch.errorReports.map(errorText));
  }
}

/** The single number of a single row. */
export async function askNumber(databaseUrl: string, text: string): Promise<number> {
  const client = new pg.Client({
    connectionString: databaseUrl,
    connectionTimeoutMillis: 3_000,
    query_timeout: 5_000,
  });
  client.on("error", () => {});
  await client.connect();
  try {
    return Number(((await client.query({ text, rowMode: "array" })).rows as unknown[][])[0]?.[0]);
  } finally {
    await client.end().catch(() => {});
  }
}
