// Asks the gateway who the key of this tab belongs to, until it answers.
import { Code, ConnectError } from "@connectrpc/connect";
import { createBackoff, sleep } from "../../runtime/backoff.ts";
import { clients } from "../contract/clients.ts";
import { key, session } from "../contract/session.ts";

/** Sets the session. Ends when there is an answer, or by `abort`. */
export async function identify(abort: AbortSignal): Promise<void> {
  const backoff = createBackoff({ baseMs: 250, maxMs: 5_000 });
  for (;;) {
    try {
      const { open, principal } = await clients.value.access.whoAmI({}, { signal: abort });
      abort.throwIfAborted();
      session.value =
        open || principal === undefined ? { kind: "open" } : { kind: "known", principal };
      return;
    } catch (error) {
      abort.throwIfAborted();
      if (ConnectError.from(error).code === Code.Unauthenticated) {
        session.value = { kind: key.value === undefined ? "needed" : "refused" };
        return;
      }
      await sleep(backoff.next(), abort);
    }
  }
}
