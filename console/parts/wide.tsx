// A box that scrolls sideways where its content is wider, also by keys.
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { frame } from "../english/frame.ts";

export type WideProps = {
  label: string;
  /** The right end is seen first, because the newest stands there. */
  fromEnd?: boolean;
  children: ComponentChildren;
};

export function Wide({ label, fromEnd = false, children }: WideProps) {
  const box = useRef<HTMLElement>(null);
  useEffect(() => {
    if (fromEnd) box.current!.scrollLeft = box.current!.scrollWidth;
  }, [fromEnd]);
  return (
    <section
      ref={box}
      class="wide"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys.
      tabIndex={0}
      aria-label={frame.scrolls(label)}
    >
      {children}
    </section>
  );
}
