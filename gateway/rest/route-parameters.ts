// Parameters that several routes have, and which fields of the contract they carry.
import { countParameter, listParameter, textParameter, timeParameter } from "./parameters.ts";

export const machine = listParameter("Only these machines; all if absent.");
export const minCursor = textParameter(
  "Wait until the answer holds at least everything up to this cursor, such as that of a POST.",
);
export const pageToken = textParameter("next_page_token of the answer before; for JSON.");
export const rangeStart = timeParameter("Start of the range; as far back as there are records if absent.");
export const rangeEnd = timeParameter("End of the range, exclusive; no end if absent.");
export const windowStart = timeParameter("Start of the window.");
export const windowEnd = timeParameter("End of the window, exclusive; when the newest record was stored if absent.");
export const rowLimit = countParameter(
  "How many in a page: 1,000 if absent, at most 10,000. In NDJSON and CSV how many in all; without it all there are.",
);

export const itemLimit = countParameter(
  "How many in a page at most; as many as a message holds (some thousand) if absent.",
);

export const names = { machines: "machine", signal: "type", signals: "type", page_size: "limit" };
export const times = { start_time: "from", end_time: "to" };

export const typeDoc = "Name of the signal: state, error, or a numeric one such as power.";
export const typesDoc = "Names of signals, with commas.";
