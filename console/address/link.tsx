// A link to another view of the console, followed without loading the page again.
import type { ComponentChildren } from "preact";
import { navigate } from "./address.ts";

export type LinkProps = {
  href: string;
  class?: string;
  title?: string;
  "aria-current"?: "page" | undefined;
  "aria-label"?: string;
  children?: ComponentChildren;
};

export function Link({ href, children, ...rest }: LinkProps) {
  const follow = (event: MouseEvent) => {
    // New tabs and windows are the browser's.
    if (event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey)
      return;
    event.preventDefault();
    navigate(href);
  };
  return (
    <a {...rest} href={href} onClick={follow}>
      {children}
    </a>
  );
}
