// What stands where there is nothing to show yet, nothing at all, or a problem.
import type { ComponentChildren } from "preact";
import { frame } from "../english/frame.ts";

export function Notice({ children }: { children: ComponentChildren }) {
  return <div class="notice">{children}</div>;
}

export function Loading() {
  return (
    <div class="notice" role="status">
      {frame.loading}
    </div>
  );
}

export function Problem({ text, again }: { text: string; again?: (() => void) | undefined }) {
  return (
    <div class="notice problem" role="alert">
      <p>{text}</p>
      {again && (
        <p>
          <button type="button" class="button" onClick={again}>
            {frame.again}
          </button>
        </p>
      )}
    </div>
  );
}
