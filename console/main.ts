// The console's entry. Small, so that the frame, the view of the address and the live worker load
// side by side, and none waits for another.
import { openWorker } from "./live/open-worker.ts";
import { loadView, viewOf } from "./shell/views.ts";

openWorker();
const view = viewOf(location.pathname);
// Whoever shows the view says why it failed.
if (view !== undefined) loadView(view).catch(() => {});
void import("./shell/start.tsx");
