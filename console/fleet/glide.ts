// Lets tiles glide to their places when their order changes, instead of jumping: a reader's eye can
// follow, and for the browser nothing has shifted.
import type { RefObject } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";

const glideMs = 350;

/** `order` names the children of the box, in their order; each child has its name as data-name. */
export function useGlide(box: RefObject<HTMLElement | null>, order: readonly string[]): void {
  const key = order.join("\n");
  const before = useRef({ key, places: new Map<string, DOMRect>() });
  // Rendering has not moved them yet.
  if (before.current.key !== key && box.current !== null)
    before.current = { key, places: placesOf(box.current) };
  useLayoutEffect(() => {
    const { places } = before.current;
    before.current.places = new Map();
    if (places.size === 0 || box.current === null) return;
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    for (const child of box.current.children) {
      if (!(child instanceof HTMLElement)) continue;
      const old = places.get(child.dataset["name"] ?? "");
      if (old === undefined) continue;
      const now = child.getBoundingClientRect();
      const [x, y] = [old.left - now.left, old.top - now.top];
      if (x === 0 && y === 0) continue;
      child.animate([{ transform: `translate(${x}px, ${y}px)` }, { transform: "none" }], {
        duration: glideMs,
        easing: "ease-out",
      });
    }
  }, [key]);
}

function placesOf(box: HTMLElement): Map<string, DOMRect> {
  const places = new Map<string, DOMRect>();
  for (const child of box.children)
    if (child instanceof HTMLElement)
      places.set(child.dataset["name"] ?? "", child.getBoundingClientRect());
  return places;
}
