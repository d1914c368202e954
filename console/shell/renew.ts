// A page that is open while the console is updated may ask for a part that is gone: it loads anew,
// at the same address. Not again and again: whoever cannot get a part at all is told so.
const storageName = "millrace-renewed-ms";
const pauseMs = 60_000;

export function renewWhenUpdated(): void {
  addEventListener("vite:preloadError", () => {
    const renewedMs = Number(sessionStorage.getItem(storageName) ?? 0);
    if (Date.now() - renewedMs < pauseMs) return;
    sessionStorage.setItem(storageName, String(Date.now()));
    location.reload();
  });
}
