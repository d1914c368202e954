// Starts the page: its theme, its clock, the live feed, and the frame.
import { render } from "preact";
import { startLive } from "../live/live.ts";
import { startClock } from "../time/now.ts";
import { App } from "./app.tsx";
import { renewWhenUpdated } from "./renew.ts";
import { applyTheme } from "./theme.ts";

renewWhenUpdated();
applyTheme();
startClock();
startLive();
render(<App />, document.getElementById("app")!);
