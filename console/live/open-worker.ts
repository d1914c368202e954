// The page's connection to the live worker, which all pages of this console share where the browser
// can share one.
import type { FromWorker, ToWorker } from "./messages.ts";

export type LiveWorker = {
  send(message: ToWorker): void;
  /** Messages that come before a listener is set wait for it. */
  listen(listener: (message: FromWorker) => void): void;
};

let opened: LiveWorker | undefined;

/** Opens the worker once. It does nothing until a page says who it is. */
export function openWorker(): LiveWorker {
  opened ??= open();
  return opened;
}

function open(): LiveWorker {
  if (typeof SharedWorker === "undefined") {
    const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
    return {
      send: (message) => worker.postMessage(message),
      listen(listener) {
        worker.onmessage = ({ data }: MessageEvent<FromWorker>) => listener(data);
      },
    };
  }
  const { port } = new SharedWorker(new URL("./worker.ts", import.meta.url), {
    type: "module",
    name: "millrace-live",
  });
  return {
    send: (message) => port.postMessage(message),
    listen(listener) {
      // This also begins the delivery.
      port.onmessage = ({ data }: MessageEvent<FromWorker>) => listener(data);
    },
  };
}
