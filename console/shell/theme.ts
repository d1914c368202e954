// Light or dark: as the system says, until the reader chooses. The choice is this browser's.
import { effect, signal } from "@preact/signals";

export type Theme = "light" | "dark";

const storageName = "millrace-theme";
const dark = matchMedia("(prefers-color-scheme: dark)");
const chosen = (): Theme | undefined => {
  const text = localStorage.getItem(storageName);
  return text === "light" || text === "dark" ? text : undefined;
};

export const theme = signal<Theme>(chosen() ?? (dark.matches ? "dark" : "light"));

export function chooseTheme(next: Theme): void {
  localStorage.setItem(storageName, next);
  theme.value = next;
}

/** Keeps the page in the theme. */
export function applyTheme(): void {
  dark.addEventListener("change", () => {
    if (chosen() === undefined) theme.value = dark.matches ? "dark" : "light";
  });
  effect(() => {
    document.documentElement.dataset["theme"] = theme.value;
  });
}
