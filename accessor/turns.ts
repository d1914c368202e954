// Turns, under the name by which compaction knows them.
export { Turns } from "../runtime/turns.ts";
