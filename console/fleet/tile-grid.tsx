// Tiles in columns, in an order that changes: each tile glides to its place, and none is made anew
// for it. What does not match the filter is hidden, not removed, so that a hundred come back at
// once. In the document, and for the keyboard, tiles stand by name.
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { fleetWords as words } from "../english/fleet.ts";
import { type Grid, gridOf, placeOf } from "./grid.ts";

export type TileGridProps = {
  /** Names of all tiles, in the order of the document. */
  names: readonly string[];
  /** Names of the tiles that are seen, in the order in which they are. */
  shown: readonly string[];
  tile: (name: string) => ComponentChildren;
  /** Somebody reads the tiles: with the pointer or the keyboard among them. */
  onReading: (isReading: boolean) => void;
};

export function TileGrid({ names, shown, tile, onReading }: TileGridProps) {
  const box = useRef<HTMLElement>(null);
  const [grid, setGrid] = useState<Grid>();
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => setGrid(gridOf(entry!.contentRect.width)));
    observer.observe(box.current!);
    return () => observer.disconnect();
  }, []);
  // They glide to another order; a filter shows at once what it leaves.
  const countBefore = useRef(0);
  const glides = countBefore.current === shown.length;
  countBefore.current = shown.length;
  const places = new Map(shown.map((name, at) => [name, at]));
  const height = grid === undefined ? 0 : placeOf(shown.length - 1, grid).y + grid.tilePx.height;
  return (
    <section
      ref={box}
      class={glides ? "tiles gliding" : "tiles"}
      style={{ height: `${height}px` }}
      aria-label={words.title}
      onPointerEnter={() => onReading(true)}
      onPointerLeave={() => onReading(false)}
      onFocusIn={() => onReading(true)}
      onFocusOut={() => onReading(false)}
    >
      {grid !== undefined &&
        names.map((name) => (
          <Slot key={name} at={places.get(name)} grid={grid}>
            {() => tile(name)}
          </Slot>
        ))}
    </section>
  );
}

type SlotProps = {
  /** Undefined: hidden. */
  at: number | undefined;
  grid: Grid;
  children: () => ComponentChildren;
};

function Slot({ at, grid, children }: SlotProps) {
  const content = useRef<ComponentChildren>(null);
  const wasSeen = useRef(false);
  const isSeen = at !== undefined;
  // What nobody sees stays as it was, and costs nothing. A tile that comes back is as old as that
  // for the quarter of a second until the next news, so that a hundred can come back at once.
  if (isSeen && (wasSeen.current || content.current === null)) content.current = children();
  wasSeen.current = isSeen;
  const { x, y } = placeOf(at ?? 0, grid);
  return (
    <div
      class="tile-slot"
      hidden={!isSeen}
      style={{
        width: `${grid.tilePx.width}px`,
        height: `${grid.tilePx.height}px`,
        transform: `translate(${x}px, ${y}px)`,
      }}
    >
      {content.current}
    </div>
  );
}
