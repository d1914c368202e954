// Actions on producers: list their owners, and move producers to another owner.
import { ConfigError, setting } from "../../runtime/config.ts";
import { text } from "../../runtime/config-values.ts";
import { ownerOfKey, ownerOfSubject } from "../access/owner.ts";
import { listKeys } from "../store/keys.ts";
import { listProducers, moveProducers } from "../store/producers.ts";
import type { CommandContext } from "./key-actions.ts";

const owner = text({ placeholder: "OWNER", maxLength: 4_000 });
const maxListed = 1_000;

export const listSettings = {
  owner: setting({
    flag: "owner",
    parse: owner,
    optional: true,
    doc: "only those of a key (its ID) or of a token's subject (ISSUER#SUBJECT)",
  }),
  after: setting({
    flag: "after",
    parse: text({ placeholder: "ID", maxLength: 128 }),
    optional: true,
    doc: `start after this producer id; at most ${maxListed} are listed`,
  }),
};

export const moveSettings = {
  to: setting({
    flag: "to",
    parse: owner,
    doc: 'the new owner: the ID of a key, ISSUER#SUBJECT of a token, or "nobody": then the first to use the id again owns it',
  }),
  from: setting({
    flag: "from",
    parse: owner,
    optional: true,
    doc: "instead of an id: move every producer of this owner",
  }),
};

export async function listProducersCommand(
  settings: { owner: string | undefined; after: string | undefined },
  { database, print }: Omit<CommandContext, "log">,
): Promise<void> {
  const wanted =
    settings.owner === undefined ? undefined : await toOwner(settings.owner, { database });
  if (wanted === null)
    throw new ConfigError(['--owner "nobody" cannot be listed by itself: list all']);
  const page = { owner: wanted, after: settings.after ?? "", limit: maxListed };
  const producers = await listProducers(database, page);
  if (producers.length === 0) return print("There are no producers.");
  const widest = producers.reduce((most, { name }) => Math.max(most, name.length), 2);
  print(`${"ID".padEnd(widest)}  FIRST SEEN            OWNER`);
  for (const { name, owner: of, firstSeenUs } of producers)
    print(
      `${name.padEnd(widest)}  ${new Date(firstSeenUs / 1_000).toISOString().slice(0, 19)}Z  ${of ?? "nobody"}`,
    );
  if (producers.length === maxListed)
    print(`There may be more. To list them: --after ${producers.at(-1)!.name}`);
}

/** id: "" moves all producers of `from`. Throws ConfigError if there is nothing to move. */
export async function moveCommand(
  { id, to, from }: { id: string; to: string; from: string | undefined },
  { database, log, print }: CommandContext,
): Promise<void> {
  if ((id === "") === (from === undefined))
    throw new ConfigError(["expected: a producer id, or --from OWNER"]);
  const target = await toOwner(to, { database });
  const source = from === undefined ? undefined : await toOwner(from, { database });
  if (source === null)
    throw new ConfigError(['--from "nobody" is not possible: name the producers']);
  const moved = await moveProducers(
    database,
    source === undefined ? { name: id } : { owner: source },
    target,
  );
  const what = id === "" ? { from: source } : { producer: id };
  if (moved === 0)
    throw new ConfigError([`no producer ${id === "" ? `belongs to ${from}` : `is named ${id}`}`]);
  log.info("moved producers", {
    audit: "producer-moved",
    ...what,
    to: target ?? "nobody",
    producers: moved,
  });
  print(
    `${moved} moved: batches of other owners under ${moved === 1 ? "it" : "them"} are refused from now on`,
  );
}

/** null: no owner. Throws ConfigError for a key that never existed. */
async function toOwner(
  owner: string,
  { database }: Pick<CommandContext, "database">,
): Promise<string | null> {
  if (owner === "nobody") return null;
  if (owner.includes("#")) return ownerOfSubject(owner);
  const key = (await listKeys(database)).find(({ id }) => id === owner);
  if (key === undefined) throw new ConfigError([`no key has the id ${owner}: see keys list`]);
  return ownerOfKey(key.identity);
}
