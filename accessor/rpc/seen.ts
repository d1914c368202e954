// What one call sees: the part of the catalog that its caller may see, narrowed down by the labels
// that its request names, and what its page tokens are bound to.
import type { HandlerContext } from "@connectrpc/connect";
import { permitsOf, seeCatalog } from "../access/caller.ts";
import type { CursorFormat } from "../domain/cursor.ts";
import type { VisibleMachines } from "../feed/filter.ts";
import type { Listing } from "../read/answer-revision.ts";
import type { Catalog } from "../store/catalog.ts";
import type { Descriptions } from "../store/descriptions.ts";
import { checkLabelKey, checkLabels } from "./label-filter.ts";
import type { SeenHistory } from "./page-token.ts";

export type Seen = {
  /** With labels, `select` finds only machines that have them; signals are known as without. */
  catalog: Listing;
  visible: VisibleMachines | undefined;
  /** Which machines the caller may see; undefined: all. */
  permits: ((machine: string) => boolean) | undefined;
  /** Machines with the labels, ascending, whoever may see them; undefined: no labels are named. */
  matched: ReadonlySet<string> | undefined;
  history: SeenHistory;
};

/** The fields of a request that depend on labels. */
export type ByLabels = { labels?: string[]; groupByLabel?: string };

export type See = (context: HandlerContext, request: ByLabels) => Promise<Seen>;

export type SeeOptions = {
  catalog: Catalog;
  descriptions: Descriptions;
  cursors: CursorFormat;
  /** The key that signs page tokens. */
  pageKey: string;
};

/** The function returned fails with REQUEST_INVALID for a label that is none. */
export function createSee({ catalog: whole, descriptions, cursors, pageKey }: SeeOptions): See {
  return async (context, { labels = [], groupByLabel = "" }) => {
    const { catalog, visible } = seeCatalog(whole, context);
    const permits = permitsOf(context);
    const key = visible?.key ?? "";
    const wanted = checkLabels(labels);
    if (groupByLabel !== "") checkLabelKey("group_by_label", groupByLabel);
    const dependsOnLabels = wanted.length > 0 || groupByLabel !== "";
    if (dependsOnLabels) await descriptions.refresh();
    const newest = dependsOnLabels ? await descriptions.newestOf(permits) : undefined;
    const history: SeenHistory = {
      get now() {
        return pageKey + cursors.history + key;
      },
      at: (revision) => pageKey + cursors.historyAt(revision) + key,
      descriptions: newest,
    };
    if (wanted.length === 0) return { catalog, visible, permits, matched: undefined, history };
    const matched = descriptions.matching(wanted);
    return { catalog: narrowed(catalog, matched), visible, permits, matched, history };
  };
}

/** After the caller's rights: what these leave out stays left out. */
function narrowed(catalog: Listing, matched: ReadonlySet<string>): Listing {
  return {
    ...pass(catalog),
    async select({ machines, signals }) {
      const names = machines.length > 0 ? machines.filter((one) => matched.has(one)) : [...matched];
      return names.length === 0 ? [] : catalog.select({ machines: names, signals });
    },
  };
}

/** A catalog is an object of a class: its methods need it. */
const pass = (catalog: Listing): Omit<Listing, "select"> => ({
  machines: (after, limit) => catalog.machines(after, limit),
  machineName: (id) => catalog.machineName(id),
  anyOf: (signal) => catalog.anyOf(signal),
  signalNames: () => catalog.signalNames(),
});
