// Attaches hidden values to objects of other code: listing an object's fields, comparing or copying
// it does not show them. A WeakMap does the same, but this costs almost nothing: an entry of a
// WeakMap takes 0.3 µs to set, and the garbage collector visits all of them.

/**
 * If a constructor returns an object, a class that extends it adds its private fields to that
 * object.
 */
class Other {
  constructor(object: object) {
    // biome-ignore lint/correctness/noConstructorReturn: this is what the class is for
    return object;
  }
}

export type HiddenValue<Owner extends object, Value> = {
  /** Throws for an object that already has one. */
  set(owner: Owner, value: Value): void;
  get(owner: Owner): Value | undefined;
};

export function createHiddenValue<Owner extends object, Value>(): HiddenValue<Owner, Value> {
  class Hidden extends Other {
    readonly #value: Value;

    constructor(owner: Owner, value: Value) {
      super(owner);
      this.#value = value;
    }

    static of(owner: object): Value | undefined {
      return #value in owner ? (owner as Hidden).#value : undefined;
    }
  }
  return { set: (owner, value) => void new Hidden(owner, value), get: Hidden.of };
}
