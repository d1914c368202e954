// Slonik's tags, and the interceptor that checks rows against their schemas: rows from PostgreSQL
// are checked once, here.
import { createSqlTag, type Interceptor, SchemaValidationError } from "slonik";
import { type ZodType, z } from "zod";

/** sql.type(schema) for rows, sql.typeAlias("void") for statements without any. */
export const sql = createSqlTag({ typeAliases: { void: z.object({}).strict() } });

export const rowChecks: Interceptor = {
  name: "row-checks",
  transformRow: ({ resultParser }, query, row) => {
    if (resultParser === undefined) return row;
    const { success, data, error } = (resultParser as ZodType<typeof row>).safeParse(row);
    if (success) return data;
    throw new SchemaValidationError(query, row, error.issues);
  },
};
