// The body of a long table, of which only the rows in view exist: fifty thousand are as much work as
// a hundred. The table's header is row 1.
import {
  elementScroll,
  observeElementOffset,
  observeElementRect,
  Virtualizer,
} from "@tanstack/virtual-core";
import type { ComponentChildren, RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

export type VirtualRowsProps = {
  /** The element that scrolls. */
  scroller: RefObject<HTMLDivElement | null>;
  count: number;
  rowPx: number;
  /** The cells of a row. */
  children: (index: number) => ComponentChildren;
};

export function VirtualRows({ scroller, count, rowPx, children }: VirtualRowsProps) {
  const [, setRound] = useState(0);
  const options = {
    count,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowPx,
    overscan: 8,
    scrollToFn: elementScroll,
    observeElementRect,
    observeElementOffset,
    onChange: () => setRound((round) => round + 1),
  };
  const virtualizer = useRef<Virtualizer<HTMLElement, Element>>(undefined);
  virtualizer.current ??= new Virtualizer<HTMLElement, Element>(options);
  virtualizer.current.setOptions(options);
  useEffect(() => virtualizer.current!._didMount(), []);
  useEffect(() => virtualizer.current!._willUpdate());
  return (
    <tbody class="virtual-rows" style={{ height: `${virtualizer.current.getTotalSize()}px` }}>
      {virtualizer.current.getVirtualItems().map(({ index, start }) => (
        <tr
          key={index}
          class="virtual-row"
          aria-rowindex={index + 2}
          style={{ transform: `translateY(${start}px)`, height: `${rowPx}px` }}
        >
          {children(index)}
        </tr>
      ))}
    </tbody>
  );
}
