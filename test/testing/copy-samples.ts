// Samples of signal "heat" as the \copy of docs/sql.md writes them, with their declarations.
import pg from "pg";

/** The output of `\copy … csv header`: PostgreSQL's own texts. */
export async function copySamplesBySql(url: string, of: string): Promise<string> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query(
      `select s.machine, d.signal, s.time::text, s.value::text, d.unit, d.max_gap, nullif(d.sample_type, 'LINEAR') as sample_type
       from millrace_v1.samples('heat', '-infinity', 'infinity', $1) s
       join millrace_v1.signals d on d.machine = s.machine and d.signal = 'heat' order by s.time`,
      [[of]],
    );
    const lines = rows.map((row: Record<string, string>) => Object.values(row).join(","));
    return [Object.keys(rows[0]!).join(","), ...lines, ""].join("\n");
  } finally {
    await client.end();
  }
}
