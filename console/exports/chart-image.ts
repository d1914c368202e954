// A chart as an image: its canvases and bars where they stand, with title and range above.
import { colorOf } from "../chart/canvas.ts";

export type ChartImage = {
  /** The element whose canvases and labels are drawn. */
  element: HTMLElement;
  title: string;
  /** The range and the zone, in words. */
  subtitle: string;
  /** Which line is which, where there are several. */
  legend?: readonly LegendLine[];
};

export type LegendLine = {
  /** As CSS knows it. */
  readonly color: string;
  /** Lengths of strokes and gaps in pixels; empty: a whole line. */
  readonly dash: readonly number[];
  readonly text: string;
};

const titlePx = 46;
const legendPx = 18;
const marginPx = 12;

export function chartImage(image: ChartImage): Promise<Blob> {
  const { element, title, subtitle, legend = [] } = image;
  const headPx = titlePx + legend.length * legendPx;
  const box = element.getBoundingClientRect();
  const ratio = window.devicePixelRatio || 1;
  const canvas = document.createElement("canvas");
  canvas.width = Math.round((box.width + 2 * marginPx) * ratio);
  canvas.height = Math.round((box.height + headPx + 2 * marginPx) * ratio);
  const pen = canvas.getContext("2d")!;
  pen.scale(ratio, ratio);
  pen.fillStyle = colorOf("--surface");
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.fillStyle = colorOf("--text");
  pen.font = "650 16px system-ui, sans-serif";
  pen.textBaseline = "top";
  pen.fillText(title, marginPx, marginPx);
  pen.fillStyle = colorOf("--soft");
  pen.font = "12px system-ui, sans-serif";
  pen.fillText(subtitle, marginPx, marginPx + 22);
  for (const [at, line] of legend.entries())
    drawLegend(pen, line, marginPx + titlePx + at * legendPx);
  pen.fillStyle = colorOf("--soft");
  const place = (rect: DOMRect): [x: number, y: number] => [
    rect.left - box.left + marginPx,
    rect.top - box.top + headPx + marginPx,
  ];
  for (const part of element.querySelectorAll("canvas")) {
    const rect = part.getBoundingClientRect();
    const [x, y] = place(rect);
    if (rect.width > 0 && rect.height > 0) pen.drawImage(part, x, y, rect.width, rect.height);
  }
  pen.font = "600 12px system-ui, sans-serif";
  for (const label of element.querySelectorAll<HTMLElement>(".lane-title")) {
    const text = label.firstChild?.textContent ?? "";
    const [x, y] = place(label.getBoundingClientRect());
    pen.fillText(text, x, y + 4);
  }
  for (const mark of element.querySelectorAll<SVGSVGElement>(".error-mark svg")) {
    const [x, y] = place(mark.getBoundingClientRect());
    const shape = mark.querySelector("path")!;
    pen.save();
    pen.translate(x, y);
    pen.fillStyle = getComputedStyle(shape).fill;
    pen.fill(new Path2D(shape.getAttribute("d")!), "evenodd");
    pen.restore();
  }
  for (const part of element.querySelectorAll<SVGElement>(".stacked-bars :is(rect, text)"))
    if (part.closest("pattern") === null) drawPart(pen, part, place(part.getBoundingClientRect()));
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob === null ? reject(new Error("no image")) : resolve(blob)));
  });
}

/** A bar of a picture, or one of its words. */
function drawPart(
  pen: CanvasRenderingContext2D,
  part: SVGElement,
  [x, y]: readonly [x: number, y: number],
): void {
  const { fill, fontWeight, fontSize, fontFamily } = getComputedStyle(part);
  // A pattern is of the page; the colour below it will do.
  pen.fillStyle = fill.startsWith("url") ? colorOf("--fault") : fill;
  if (part instanceof SVGTextElement) {
    pen.font = `${fontWeight} ${fontSize} ${fontFamily}`;
    pen.fillText(part.textContent ?? "", x, y);
  } else {
    const { width, height } = part.getBoundingClientRect();
    pen.fillRect(x, y, width, height);
  }
}

function drawLegend(
  pen: CanvasRenderingContext2D,
  { color, dash, text }: LegendLine,
  top: number,
): void {
  pen.strokeStyle = color;
  pen.lineWidth = 2.5;
  pen.setLineDash([...dash]);
  pen.beginPath();
  pen.moveTo(marginPx, top + 6);
  pen.lineTo(marginPx + 28, top + 6);
  pen.stroke();
  pen.setLineDash([]);
  pen.fillStyle = colorOf("--text");
  pen.fillText(text, marginPx + 36, top);
}
