// A value that follows after the next paint: what is typed is seen at once, and what is dear to
// draw of it comes then.
import { effect } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";

/** `read` reads signals, and gives a text: the same text is no change. */
export function useAfterPaint(read: () => string): string {
  const [value, setValue] = useState(read);
  useEffect(() => {
    let frame = 0;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const cancel = () => {
      cancelAnimationFrame(frame);
      clearTimeout(timer);
    };
    const stop = effect(() => {
      const next = read();
      cancel();
      frame = requestAnimationFrame(() => {
        timer = setTimeout(() => setValue(next), 0);
      });
    });
    return () => {
      stop();
      cancel();
    };
  }, []);
  return value;
}
