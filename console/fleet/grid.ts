// Where tiles stand: as many columns as fit, all tiles of one size. No drawing.

export type Grid = {
  readonly columns: number;
  readonly tilePx: { readonly width: number; readonly height: number };
};

export const gapPx = 12;
const leastTilePx = 256;
/** What the tile's lines and its sparkline take: fixed, so that nothing moves while live. */
const tileHeightPx = 145;

export function gridOf(widthPx: number): Grid {
  const columns = Math.max(1, Math.floor((widthPx + gapPx) / (leastTilePx + gapPx)));
  const width = Math.max(0, (widthPx - gapPx * (columns - 1)) / columns);
  return { columns, tilePx: { width, height: tileHeightPx } };
}

/** The left upper corner of the tile at this place of the order. */
export function placeOf(at: number, { columns, tilePx }: Grid): { x: number; y: number } {
  const row = Math.floor(at / columns);
  return {
    x: (at - row * columns) * (tilePx.width + gapPx),
    y: row * (tilePx.height + gapPx),
  };
}
