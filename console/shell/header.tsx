// The header: views, how live the page is, zone, colours, sign-out, and the API reference.
import { path } from "../address/address.ts";
import { Link } from "../address/link.tsx";
import { session, signOut } from "../contract/session.ts";
import { frame, product, viewNames } from "../english/frame.ts";
import { nowUs } from "../time/now.ts";
import { offsetText, toggleZone, zone } from "../time/zone.ts";
import { LivePill } from "./live-pill.tsx";
import { chooseTheme, theme } from "./theme.ts";
import { pathOf, viewOf } from "./views.ts";
import { zoneHref } from "./zone-href.ts";

export function Header() {
  const current = viewOf(path.value);
  return (
    <header class="top">
      <Link class="product" href={zoneHref("/")}>
        {product}
      </Link>
      <nav aria-label={frame.navigation}>
        {(Object.keys(viewNames) as (keyof typeof viewNames)[]).map((name) => (
          <Link
            key={name}
            href={zoneHref(pathOf(name))}
            aria-current={
              current === name || (name === "fleet" && current === "machine") ? "page" : undefined
            }
          >
            {viewNames[name]}
          </Link>
        ))}
        <a href="/docs">{frame.reference}</a>
      </nav>
      <span class="grow" />
      <LivePill />
      <button type="button" class="pill" title={frame.zoneTitle} onClick={toggleZone}>
        {zone.value === "UTC" ? "UTC" : offsetText(nowUs.value, zone.value)}
      </button>
      <button
        type="button"
        class="pill"
        title={frame.theme.label}
        onClick={() => chooseTheme(theme.value === "dark" ? "light" : "dark")}
      >
        {theme.value === "dark" ? frame.theme.light : frame.theme.dark}
      </button>
      {session.value.kind === "known" && (
        <button
          type="button"
          class="pill"
          title={session.value.principal.name}
          onClick={() => signOut()}
        >
          {frame.signOut}
        </button>
      )}
    </header>
  );
}
