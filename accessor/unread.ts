// Bytes that were written to callers and that they have not read yet: a caller above its share gets
// no further bytes until it reads.
import { Shares } from "../access/shares.ts";
import type { ByteAccount } from "../runtime/grpc/outgoing.ts";

type Waiting = { holder: string; wake: () => void };

export class UnreadBytes {
  readonly #shares: Shares;
  readonly #waiting = new Set<Waiting>();

  constructor(maxBytes: number) {
    this.#shares = new Shares({ total: maxBytes, perCaller: maxBytes });
  }

  get bytes(): number {
    return this.#shares.held;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * Whether a caller may get one more answer. A caller with no unread bytes always may, even if the
   * others have used up the total.
   */
  hasRoomForAnswer(holder: string): boolean {
    return this.#shares.heldBy(holder) === 0 || this.#shares.shortageOf(holder, 0) === undefined;
  }

  accountOf(holder: string): ByteAccount {
    const [shares, waiting] = [this.#shares, this.#waiting];
    const loan = shares.borrowAnyway(holder, 0);
    const hasRoom = (of: string) => shares.shortageOf(of, 0) === undefined;
    return {
      charge: (bytes) => loan.add(bytes),
      release: (bytes) => {
        loan.add(-bytes);
        // Few callers wait, and rarely: those that may not continue yet wait again.
        for (const one of waiting) {
          if (!hasRoom(one.holder)) continue;
          waiting.delete(one);
          one.wake();
        }
      },
      get hasRoom() {
        return hasRoom(holder);
      },
      onRoom(wake) {
        const one = { holder, wake };
        waiting.add(one);
        return () => waiting.delete(one);
      },
    };
  }
}
