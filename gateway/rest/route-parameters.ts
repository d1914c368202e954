// Parameters that several routes have, and the fields of the contract that they set.
import { countParameter, machinesParameter, textParameter, timeParameter } from "./parameters.ts";

export const machine = machinesParameter("Only these machines; all if absent.");
export const minCursor = textParameter(
  "Wait until the answer includes everything up to this cursor, for example the cursor of a POST.",
);
export const pageToken = textParameter("next_page_token of the previous page; for JSON only.");
export const rangeStart = timeParameter("Start of the range. If absent: from the oldest record.");
export const rangeEnd = timeParameter("End of the range, exclusive. If absent: no end.");
export const windowStart = timeParameter("Start of the window.");
export const windowEnd = timeParameter(
  "End of the window, exclusive. If absent: when the newest record was stored.",
);
export const rowLimit = countParameter(
  "Maximum of a page: 1,000 if absent, at most 10,000. In NDJSON and CSV the maximum of the whole answer, whose header Millrace-Cut says whether that leaves rows out: all if absent.",
);

export const itemLimit = countParameter(
  "Maximum of a page. If absent: as many as a message holds (some thousand).",
);

export const names = {
  machines: "machine",
  labels: "label",
  signal: "type",
  signals: "type",
  page_size: "limit",
};
export const times = { start_time: "from", end_time: "to" };

export const typeDoc = "Name of the signal: state, error, or a numeric one such as power.";
export const typesDoc = "Names of signals, with commas.";
