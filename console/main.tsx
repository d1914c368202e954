// The console's entry.
import { render } from "preact";
import { startLive } from "./live/live.ts";
import { App } from "./shell/app.tsx";
import { applyTheme } from "./shell/theme.ts";
import { startClock } from "./time/now.ts";

applyTheme();
startClock();
startLive();
render(<App />, document.getElementById("app")!);
