// The page token of a request whose pages are all of one revision, and the token of the page after.
import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import {
  decodePageToken,
  encodePageToken,
  type PageToken,
  queryHash,
  revisionIn,
  type SeenHistory,
} from "./page-token.ts";

export type Paging = { nowMs: number; history: SeenHistory };

/** token: undefined for the first page. Fails as decodePageToken. */
export function openPage<Desc extends DescMessage>(
  desc: Desc,
  request: MessageShape<Desc> & { pageToken: string },
  { nowMs, history }: Paging,
): { token: PageToken | undefined; encode: (next: PageToken) => string } {
  const hash = (at: number) => queryHash(desc, { request, history: history.at(at) });
  const { pageToken } = request;
  const { descriptions } = history;
  const opened = () =>
    decodePageToken(pageToken, { query: hash(revisionIn(pageToken)), nowMs, descriptions });
  return {
    token: pageToken === "" ? undefined : opened(),
    encode: (next) => encodePageToken(next, { query: hash(next.revision), nowMs, descriptions }),
  };
}
