// The way to the accessor with a spool on disk, from the settings that every source has.
import { openUplink, type Uplink } from "../../client/send/uplink.ts";
import type { SettingsOf } from "../../runtime/config.ts";
import type { Log } from "../../runtime/log.ts";
import { toClientFiles } from "../../runtime/tls/dialing.ts";
import type { storeSettings } from "./store-settings.ts";

type StoreSettings = SettingsOf<typeof storeSettings>;

/** The settings must have a spool. */
export function openSpooledUplink(settings: StoreSettings, log: Log): Promise<Uplink> {
  const { accessor, apiKey, producerId, deadLetters, spoolDir } = settings;
  return openUplink({
    accessor,
    certificateFiles: toClientFiles("accessor", { ...settings, url: accessor }),
    apiKey,
    producerId,
    deadLetters,
    spoolDir: spoolDir!,
    maxBytes: settings.spoolMaxBytes,
    whenFull: settings.spoolFull,
    log,
  });
}
