// Describes a database as text that people read and diffs show: tables with columns, constraints,
// indexes and triggers, then views and functions by their parameters and results.
import type { Client } from "pg";

type Rows = Record<string, string | null>[];

const maxColumns = 100;

/**
 * The schemas public and millrace_v1. Partitions are left out, since they are made as time passes,
 * and so are bodies of functions and views, which have files of their own.
 */
export async function describeSchema(client: Client): Promise<string> {
  await client.query("set search_path = public, pg_temp");
  const ask = async (text: string) => (await client.query(text)).rows as Rows;
  const columns = await ask(columnsOf);
  const constraints = await ask(constraintsOf);
  const indexes = await ask(indexesOf);
  const triggers = await ask(triggersOf);
  const of = (rows: Rows, table: string) => rows.filter((row) => row["relation"] === table);
  const tables = (await ask(tablesOf)).map((table) => {
    const name = table["relation"]!;
    const members = [
      ...of(columns, name).map(({ definition, comment }) => ({ definition: definition!, comment })),
      ...of(constraints, name).map(({ definition }) => ({
        definition: definition!,
        comment: null,
      })),
    ];
    return [
      ...comment(table["comment"]),
      `create table ${name} (`,
      ...members.flatMap((member, i) => [
        ...comment(member.comment, "  "),
        ...wrap(shorten(`  ${member.definition}${i < members.length - 1 ? "," : ""}`)),
      ]),
      `)${table["partitioned"] === null ? "" : ` partition by ${table["partitioned"]}`};`,
      ...wrapAll(table["settings"] === null ? [] : table["settings"]!.split("\n")),
      ...wrapAll(of(indexes, name).map(({ definition }) => `${definition};`)),
      ...wrapAll(of(triggers, name).map(({ definition }) => `${definition};`)),
    ].join("\n");
  });
  const views = (await ask(viewsOf)).map((view) =>
    [
      ...comment(view["comment"]),
      `-- view ${view["relation"]}`,
      ...view["columns"]!.split("\n").flatMap((column) => wrapAll([`--   ${column}`], "--     ")),
    ].join("\n"),
  );
  const functions = (await ask(functionsOf)).map((one) =>
    [
      ...wrapAll([`-- function ${one["name"]}(${one["takes"]})`], "--   "),
      ...wrapAll([`--   returns ${one["returns"]}; ${one["how"]}`], "--     "),
      ...comment(one["comment"], "", "--   "),
    ].join("\n"),
  );
  const parts = [
    head,
    ...tables,
    "-- Views: views/ has their text.",
    ...views,
    "-- Functions: functions/ has their text.",
    ...functions,
  ];
  return `${parts.join("\n\n")}\n`;
}

const head = `-- What the migrations and the files in functions/ and views/ come to. \`npm run schema\` writes this,
-- a test keeps it true, and nothing runs it. Partitions are left out.`;

const comment = (text: string | null | undefined, indent = "", lead = "-- ") =>
  text === null || text === undefined
    ? []
    : wrapAll([`${indent}${lead}${text}`], `${indent}${lead}`);

const wrapAll = (lines: readonly string[], lead?: string) =>
  lines.flatMap((line) => wrap(shorten(line), lead));

/** Breaks at blanks; lead: the beginning of each line after the first. */
function wrap(line: string, lead = `${/^ */.exec(line)![0]}  `): string[] {
  if (line.length <= maxColumns) return [line];
  const at = line.lastIndexOf(" ", maxColumns);
  if (at <= lead.length) return [line];
  return [line.slice(0, at), ...wrap(lead + line.slice(at + 1), lead)];
}

/** Types as people write them. */
const shorten = (text: string) =>
  text
    .replaceAll("timestamp with time zone", "timestamptz")
    .replaceAll("timestamp without time zone", "timestamp")
    .replaceAll("time without time zone", "time")
    .replaceAll("double precision", "float8");

const ofOurs = "relnamespace in ('public'::regnamespace, 'millrace_v1'::regnamespace)";

const tablesOf = `
  select c.oid::regclass::text as relation, obj_description(c.oid, 'pg_class') as comment,
    pg_get_partkeydef(c.oid) as partitioned,
    (select string_agg(line, e'\n' order by attnum, line) from (
      select a.attnum, format('alter table %s alter %I set storage %s;', c.oid::regclass, a.attname,
        case a.attstorage when 'e' then 'external' when 'p' then 'plain' else 'main' end) as line
      from pg_attribute a join pg_type t on t.oid = a.atttypid
      where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        and a.attstorage not in (t.typstorage, 'x')
      union all
      select a.attnum, format('alter table %s alter %I set (%s);', c.oid::regclass, a.attname,
        array_to_string(a.attoptions, ', '))
      from pg_attribute a where a.attrelid = c.oid and a.attoptions is not null
      union all
      select 0, format('alter table %s set (%s);', c.oid::regclass,
        array_to_string(c.reloptions, ', '))
      where c.reloptions is not null) settings) as settings
  from pg_class c where ${ofOurs} and relkind in ('r', 'p') and not relispartition
  order by c.oid::regclass::text collate "C"`;

const columnsOf = `
  select c.oid::regclass::text as relation, col_description(c.oid, a.attnum) as comment,
    concat_ws(' ', quote_ident(a.attname), format_type(a.atttypid, a.atttypmod),
      case when a.attnotnull then 'not null' end,
      case a.attidentity when 'a' then 'generated always as identity'
        when 'd' then 'generated by default as identity' end,
      'default ' || pg_get_expr(d.adbin, d.adrelid)) as definition
  from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
  where ${ofOurs} and c.relkind in ('r', 'p') and not c.relispartition
  order by c.oid, a.attnum`;

const constraintsOf = `
  select conrelid::regclass::text as relation, pg_get_constraintdef(oid) as definition
  from pg_constraint
  where contype <> 'n'
    and conrelid in (select oid from pg_class where ${ofOurs} and not relispartition)
  order by position(contype in 'pufc'), pg_get_constraintdef(oid) collate "C"`;

const indexesOf = `
  select i.indrelid::regclass::text as relation,
    regexp_replace(pg_get_indexdef(i.indexrelid), ' ON (ONLY )?public\\.', ' ON ') as definition
  from pg_index i join pg_class c on c.oid = i.indrelid
  where ${ofOurs} and not c.relispartition
    and not exists (select from pg_constraint where conindid = i.indexrelid and contype <> 'f')
  order by pg_get_indexdef(i.indexrelid) collate "C"`;

const triggersOf = `
  select tgrelid::regclass::text as relation, pg_get_triggerdef(oid, true) as definition
  from pg_trigger where not tgisinternal order by tgname collate "C"`;

const viewsOf = `
  select c.oid::regclass::text as relation, obj_description(c.oid, 'pg_class') as comment,
    string_agg(format('%I %s%s', a.attname, format_type(a.atttypid, a.atttypmod),
      ': ' || col_description(c.oid, a.attnum)), e'\n' order by a.attnum) as columns
  from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0
  where ${ofOurs} and c.relkind = 'v' group by c.oid
  order by c.oid::regclass::text collate "C"`;

const functionsOf = `
  select case when n.nspname = 'public' then '' else n.nspname || '.' end || p.proname as name,
    pg_get_function_arguments(p.oid) as takes, pg_get_function_result(p.oid) as returns,
    concat_ws(', ', l.lanname,
      case p.provolatile when 'i' then 'immutable' when 's' then 'stable' else 'volatile' end,
      case p.proparallel when 's' then 'parallel safe' when 'r' then 'parallel restricted' end,
      case when p.proisstrict then 'strict' end,
      case when p.prosecdef then 'security definer' end,
      'set ' || array_to_string(p.proconfig, ', ')) as how,
    obj_description(p.oid, 'pg_proc') as comment
  from pg_proc p
  join pg_namespace n on n.oid = p.pronamespace
  join pg_language l on l.oid = p.prolang
  where n.nspname in ('public', 'millrace_v1')
  order by n.nspname = 'millrace_v1', p.proname collate "C",
    pg_get_function_identity_arguments(p.oid) collate "C"`;
