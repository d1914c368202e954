// Circles among arrows: of files, of folders or of rooms.

/**
 * The groups of nodes that reach each other, each sorted, by Tarjan's algorithm
 * (https://doi.org/10.1137/0201010). A node that points to itself is no group.
 */
export function circlesOf(arrows: ReadonlyMap<string, readonly string[]>): string[][] {
  const order = new Map<string, number>();
  const lowest = new Map<string, number>();
  const path: string[] = [];
  const circles: string[][] = [];

  function visit(node: string): void {
    order.set(node, order.size);
    lowest.set(node, order.get(node)!);
    path.push(node);
    for (const next of arrows.get(node) ?? []) {
      if (!order.has(next)) visit(next);
      if (path.includes(next)) lowest.set(node, Math.min(lowest.get(node)!, lowest.get(next)!));
    }
    if (lowest.get(node) !== order.get(node)) return;
    const circle = path.splice(path.indexOf(node));
    if (circle.length > 1) circles.push(circle.sort());
  }

  for (const node of arrows.keys()) if (!order.has(node)) visit(node);
  return circles;
}

/**
 * The nodes from top to bottom: each before all it points to, otherwise in the order of the table.
 * For arrows without a circle.
 */
export function fromTopToBottom(arrows: ReadonlyMap<string, readonly string[]>): string[] {
  const below = new Set<string>();
  const order: string[] = [];
  function visit(node: string): void {
    if (below.has(node)) return;
    below.add(node);
    for (const next of [...(arrows.get(node) ?? [])].reverse()) visit(next);
    order.unshift(node);
  }
  for (const node of [...arrows.keys()].reverse()) visit(node);
  return order;
}
