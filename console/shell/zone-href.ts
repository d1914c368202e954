// Links between views keep the zone of the times, and nothing else of the view that one leaves.
import { parameter } from "../address/address.ts";

export const zoneHref = (path: string): string =>
  parameter("zone") === "utc" ? `${path}?zone=utc` : path;
