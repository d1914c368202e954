// The page's address as signals: the path is the view, and the query is everything in it. Zooming
// writes the address many times a second, and browsers allow few writes, so these are coalesced.
import { computed, type ReadonlySignal, signal } from "@preact/signals";

const browser = typeof window === "undefined" ? undefined : window;

const here = signal<URL>(new URL(browser?.location.href ?? "http://localhost/"));

/** Decoded by whoever splits it: a machine's name may contain an encoded slash. */
export const path: ReadonlySignal<string> = computed(() => here.value.pathname);
export const query: ReadonlySignal<URLSearchParams> = computed(() => here.value.searchParams);

/** How long writes to the browser's history wait for the next one. */
const coalesceMs = 300;
let timer: ReturnType<typeof setTimeout> | undefined;

const write = (): void => {
  timer = undefined;
  browser?.history.replaceState(null, "", here.value);
};

/** Writes now what waits, so that a new entry of the history does not lose it. */
const flush = (): void => {
  if (timer === undefined) return;
  clearTimeout(timer);
  write();
};

/** Goes to another view, or to another range that "back" should come back from. */
export function navigate(href: string): void {
  flush();
  const next = new URL(href, here.value);
  if (next.href === here.value.href) return;
  here.value = next;
  browser?.history.pushState(null, "", next);
  browser?.scrollTo(0, 0);
}

export const parameter = (name: string): string | undefined => query.value.get(name) ?? undefined;

/** All values of a parameter that may be repeated. */
export const parameters = (name: string): string[] => query.value.getAll(name);

/**
 * Changes parameters of this view; undefined removes one. By default the entry of the history is
 * replaced.
 */
export function setParameters(
  changes: Readonly<Record<string, string | readonly string[] | undefined>>,
  { push = false }: { push?: boolean } = {},
): void {
  const next = new URL(here.value);
  for (const [name, value] of Object.entries(changes)) {
    next.searchParams.delete(name);
    for (const one of typeof value === "string" ? [value] : (value ?? []))
      next.searchParams.append(name, one);
  }
  // Colons and slashes of times and names stay readable.
  next.search = next.searchParams.toString().replaceAll("%3A", ":");
  if (next.href === here.value.href) return;
  if (push) {
    navigate(next.href);
  } else {
    here.value = next;
    timer ??= setTimeout(write, coalesceMs);
  }
}

/** What all views share: zone, and range if the view has one. Other parameters do not change it. */
const kept: ReadonlySignal<string> = computed(() =>
  new URLSearchParams(
    ["zone", "from", "to"].flatMap((name) => {
      const value = query.value.get(name);
      return value === null ? [] : [[name, value]];
    }),
  ).toString(),
);

/** The address of another view that keeps what all views share. */
export function hrefTo(to: string, changes: Readonly<Record<string, string>> = {}): string {
  const search = new URLSearchParams(kept.value);
  for (const [name, value] of Object.entries(changes)) search.set(name, value);
  const text = search.toString().replaceAll("%3A", ":");
  return text === "" ? to : `${to}?${text}`;
}

browser?.addEventListener("popstate", () => {
  clearTimeout(timer);
  timer = undefined;
  here.value = new URL(browser.location.href);
});
