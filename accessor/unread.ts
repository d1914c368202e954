// Bytes that were written to callers and not read by them yet: a caller beyond its share of them
// writes no further until it reads.
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
   * Whether a caller may get one more answer. A caller that has nothing unread always may, also
   * where the others have all there is.
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
        // Few wait, and rarely: those who may not go on yet wait again.
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
