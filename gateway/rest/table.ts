// Rows of one kind as lines of NDJSON or CSV, for answers that are written row by row.

import { toCsvLine } from "../../codec/row/csv-text.ts";
import { type Json, toJsonText } from "../../codec/row/json-text.ts";
import { Turns } from "../../runtime/turns.ts";
import type { Body } from "./body.ts";
import type { RestAnswer } from "./call.ts";
import type { Cut } from "./cut.ts";
import { contentTypeOf, type Format } from "./formats.ts";

export type TableRow = { readonly [column: string]: Json };

/** How many characters are sent in one piece. */
const chunkCharacters = 64 * 1024;

type Table = {
  format: Format;
  columns: readonly string[];
  /** Name of the file that a browser saves, without its extension. */
  fileName: string;
  /** The cursor up to which the answer is complete. */
  cursor: string;
  /** Whether the limit cuts the answer; undefined without a limit. */
  cut: Cut | undefined;
  /** CSV for spreadsheets: texts that would be formulas are made safe. */
  safe: boolean;
};

/**
 * The headers of a download, with the cursor up to which the answer is complete, and whether it is
 * cut.
 */
export function tableHead({ format, fileName, cursor, cut }: Omit<Table, "columns" | "safe">) {
  return {
    contentType: contentTypeOf(format),
    headers: {
      "content-disposition": dispositionOf(`${fileName}.${format}`),
      ...(cursor === "" ? {} : { "millrace-cursor": cursor }),
      ...(cut !== undefined && { "millrace-cut": cut }),
    },
  };
}

/** An answer of pages of rows, each fetched when the client is ready for it. */
export function answerTable(pages: AsyncIterable<readonly TableRow[]>, table: Table): RestAnswer {
  const iterator = pages[Symbol.asyncIterator]();
  return {
    ...tableHead(table),
    compress: true,
    write: (body) => writeTable({ [Symbol.asyncIterator]: () => iterator }, body, table),
    close: async () => void (await iterator.return?.()),
  };
}

async function writeTable(
  pages: AsyncIterable<readonly TableRow[]>,
  body: Body,
  { format, columns, safe }: Table,
): Promise<void> {
  const turns = new Turns();
  let text = format === "csv" ? toCsvLine(columns) : "";
  for await (const rows of pages) {
    for (const row of rows) {
      text +=
        format === "csv"
          ? toCsvLine(
              columns.map((column) => row[column]),
              { safe },
            )
          : `${toJsonText(row)}\n`;
      if (text.length < chunkCharacters) continue;
      await body.write(text);
      // A client that reads everything at once would leave no turn for others.
      await turns.pause();
      text = "";
    }
  }
  if (text !== "") await body.write(text);
  body.end();
}

/**
 * With letters beyond ASCII encoded as in RFC 6266, and with "_" for each, for clients without
 * support for that.
 */
function dispositionOf(fileName: string): string {
  const plain = fileName.replace(/[^\w.,-]/gu, "_");
  const encoded = plain === fileName ? "" : `; filename*=UTF-8''${encodeURIComponent(fileName)}`;
  return `attachment; filename="${plain}"${encoded}`;
}

/** A file name from its content: "power_mill-1_2026-03-01T08-00-00Z". */
export function toFileName(parts: readonly (string | undefined)[]): string {
  const name = parts.filter((part) => part).join("_");
  return name
    .replaceAll(":", "-")
    .replace(/[^\p{L}\p{M}\p{N}_.,-]/gu, "_")
    .slice(0, 120)
    .replace(/[\ud800-\udbff]$/, "");
}
