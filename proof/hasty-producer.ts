// The producer with a clock that begins in the past and runs fast until it has caught up with the
// system's. Everything else is producer/main.ts.

import { settings } from "../producer/config.ts";
import { openProducer } from "../producer/producer.ts";
import { type Clock, systemClock } from "../producer/simulate/pace.ts";
import { setting } from "../runtime/config.ts";
import { decimal, durationMs } from "../runtime/config-values.ts";
import { run } from "../runtime/lifecycle.ts";

const hasty = {
  behindMs: setting({
    flag: "behind",
    parse: durationMs(),
    default: "11m",
    doc: "how far in the past the clock begins",
  }),
  haste: setting({
    flag: "haste",
    parse: decimal({ min: 2, max: 1000 }),
    default: "20",
    doc: "how fast it runs",
  }),
};

await run({
  name: "producer",
  settings: { ...settings, ...hasty },
  open: ({ settings: given, abort, log }) =>
    openProducer({ settings: given, abort, log, clock: createHastyClock(given) }),
});

/** Delays are measured by this clock, so everything happens as often as with the system's. */
function createHastyClock({ behindMs, haste }: { behindMs: number; haste: number }): Clock {
  const beganUs = systemClock.nowUs();
  const hastyUs = () => beganUs - behindMs * 1000 + (systemClock.nowUs() - beganUs) * haste;
  return {
    nowUs: () => Math.min(hastyUs(), systemClock.nowUs()),
    sleep: (ms, abort) =>
      systemClock.sleep(hastyUs() < systemClock.nowUs() ? ms / haste : ms, abort),
  };
}
