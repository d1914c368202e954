// The live worker: shared by all pages of this console where browsers can share one.
import { createTransport } from "../contract/transport.ts";
import { Hub } from "./hub.ts";
import type { ToWorker } from "./messages.ts";

const hub = new Hub({
  createTransport: (credential) => createTransport(self.location.origin, credential),
});

function serve(port: MessagePort | DedicatedPort): void {
  const page = {
    post: (message: unknown, transfer: Transferable[] = []) => port.postMessage(message, transfer),
  };
  port.onmessage = ({ data }: MessageEvent<ToWorker>) => hub.receive(page, data);
}

type DedicatedPort = {
  postMessage(message: unknown, transfer: Transferable[]): void;
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
};

if ("onconnect" in self) self.onconnect = ({ ports }: MessageEvent) => serve(ports[0]!);
else serve(self as unknown as DedicatedPort);
