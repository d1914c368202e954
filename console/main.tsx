// The console's entry.
import { render } from "preact";
import { App } from "./shell/app.tsx";
import { applyTheme } from "./shell/theme.ts";
import { startClock } from "./time/now.ts";

applyTheme();
startClock();
render(<App />, document.getElementById("app")!);
