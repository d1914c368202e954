// A box that scrolls sideways where its content is wider, also by keys.
import type { ComponentChildren } from "preact";
import { frame } from "../english/frame.ts";

export function Wide({ label, children }: { label: string; children: ComponentChildren }) {
  return (
    <section
      class="wide"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys.
      tabIndex={0}
      aria-label={frame.scrolls(label)}
    >
      {children}
    </section>
  );
}
