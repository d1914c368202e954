// The drawings of docs/architecture.md, from the table of arrows.
import { folders, rooms } from "./arrows.ts";
import { fromTopToBottom } from "./circles.ts";

const services = Object.keys(rooms).filter((room) => !rooms[room]!.to.includes("*"));

/** The page with the block after each `<!-- arrows: ROOM -->` replaced by the present table. */
export function withArrows(page: string): string {
  return page.replace(
    /(<!-- arrows: (\S+) -->\n)```text\n[\s\S]*?```/g,
    (_, mark: string, room: string) => `${mark}\`\`\`text\n${drawingOf(room)}\`\`\``,
  );
}

/** A line for each node that points to others; every arrow points to a line below, or to a leaf. */
function drawingOf(room: string): string {
  const arrows = room === "rooms" ? betweenRooms() : inside(room);
  const lines = fromTopToBottom(arrows)
    .filter((node) => (arrows.get(node) ?? []).length > 0)
    .map((node) => [node, arrows.get(node)!] as const);
  const width = lines.reduce((widest, [node]) => Math.max(widest, node.length), 0);
  return lines
    .map(([node, to]) => `${node.padEnd(width)} ──▶ ${[...to].sort().join(", ")}\n`)
    .join("");
}

const betweenRooms = () => new Map(services.map((room) => [room, rooms[room]!.to]));

function inside(room: string): Map<string, readonly string[]> {
  const named = (folder: string) => (folder === "." ? `${room}/*.ts` : `${folder}/`);
  return new Map(
    Object.entries(folders[room]!).map(([from, to]) => [named(from), to.map(named)] as const),
  );
}
