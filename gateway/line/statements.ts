// Statements that programs of InfluxDB 1 send before they write. Nothing is executed: there is one
// database, and it exists.
import type { Json } from "../../codec/row/json-text.ts";
import { HttpProblem } from "../errors/problem.ts";

const known = /^\s*(?:create\s+database|show\s+databases|create\s+retention\s+policy)\b/i;

/** The answer to a statement, as InfluxDB 1 gives it. Fails with 400 for any other. */
export function answerStatement(statement: string | undefined): Json {
  if (statement === undefined || statement.trim() === "")
    throw refused("the parameter q is missing: it has the statement");
  if (known.test(statement)) return { results: [{ statement_id: 0 }] };
  throw refused(
    "this gateway takes line protocol, and no queries of InfluxDB: read with GET /signals, or with SQL",
  );
}

const refused = (message: string) => new HttpProblem(400, message, { members: { error: message } });
