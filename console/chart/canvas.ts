// A canvas as sharp as the screen, and the colours of the page for drawing.
import { effect, signal } from "@preact/signals";

/** Sizes the canvas for its box, clears it, and scales to CSS pixels. Undefined: no box yet. */
export function prepare(
  canvas: HTMLCanvasElement,
): { pen: CanvasRenderingContext2D; width: number; height: number } | undefined {
  const { clientWidth: width, clientHeight: height } = canvas;
  if (width === 0 || height === 0) return undefined;
  const ratio = window.devicePixelRatio || 1;
  const [wide, high] = [Math.round(width * ratio), Math.round(height * ratio)];
  const pen = canvas.getContext("2d")!;
  if (canvas.width !== wide || canvas.height !== high) {
    canvas.width = wide;
    canvas.height = high;
  }
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  return { pen, width, height };
}

const themeChanges = signal(0);
let colors = new Map<string, string>();

if (typeof MutationObserver !== "undefined")
  new MutationObserver(() => {
    colors = new Map();
    themeChanges.value += 1;
  }).observe(document.documentElement, { attributeFilter: ["data-theme"] });

/** Changes when the colours do: whoever reads it is drawn again. */
export const themeVersion = themeChanges;

/** The value of a token, such as "--accent". */
export function colorOf(token: string): string {
  let color = colors.get(token);
  if (color === undefined) {
    color = getComputedStyle(document.documentElement).getPropertyValue(token).trim();
    colors.set(token, color);
  }
  return color;
}

/** Calls `draw` once in the next frame, however often it is asked until then. */
export function perFrame(draw: () => void): { ask: () => void } & Disposable {
  let frame = 0;
  return {
    ask() {
      frame ||= requestAnimationFrame(() => {
        frame = 0;
        draw();
      });
    },
    [Symbol.dispose]() {
      cancelAnimationFrame(frame);
    },
  };
}

/** Calls `draw` when the box or the colours change. Disposal stops it. */
export function onLook(element: Element, draw: () => void): Disposable {
  const observer = new ResizeObserver(draw);
  observer.observe(element);
  const stop = effect(() => {
    themeVersion.value;
    draw();
  });
  return {
    [Symbol.dispose]() {
      observer.disconnect();
      stop();
    },
  };
}
