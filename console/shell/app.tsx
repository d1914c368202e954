// The frame of the console: header, sign-in where it is needed, and the view of the address.
import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { path } from "../address/address.ts";
import { Link } from "../address/link.tsx";
import { toSentence } from "../contract/failure.ts";
import { key, session } from "../contract/session.ts";
import { frame, product, viewNames } from "../english/frame.ts";
import { Loading, Notice, Problem } from "../parts/notice.tsx";
import { Header } from "./header.tsx";
import { identify } from "./identify.ts";
import { SignIn } from "./sign-in.tsx";
import { loadView, type ViewName, viewOf } from "./views.ts";
import "./shell.css";

export function App() {
  const credential = key.value;
  // Another key is another caller.
  useEffect(() => {
    const life = new AbortController();
    identify(life.signal).catch(() => {});
    return () => life.abort();
  }, [credential]);
  const { kind } = session.value;
  return (
    <>
      <a class="skip" href="#main">
        {frame.skip}
      </a>
      <Header />
      <main id="main" tabIndex={-1}>
        {kind === "needed" || kind === "refused" ? <SignIn /> : <View />}
      </main>
    </>
  );
}

function View() {
  const name = viewOf(path.value);
  const [loaded, setLoaded] = useState<{ name: ViewName; view: ComponentType }>();
  const [problem, setProblem] = useState<string>();
  useEffect(() => {
    document.title = title(name, path.value);
    if (name === undefined) return;
    let current = true;
    loadView(name).then(
      (module) => current && setLoaded({ name, view: module.default }),
      (error: unknown) => current && setProblem(toSentence(error)),
    );
    return () => {
      current = false;
    };
  }, [name, path.value]);
  if (name === undefined)
    return (
      <Notice>
        <h1>{frame.notFound}</h1>
        <p>
          <Link href="/">{frame.toFleet}</Link>
        </p>
      </Notice>
    );
  if (loaded?.name === name) return <loaded.view />;
  return problem === undefined ? <Loading /> : <Problem text={problem} />;
}

function title(name: ViewName | undefined, at: string): string {
  if (name === undefined) return product;
  const what = name === "machine" ? decodeURIComponent(at.split("/")[2] ?? "") : viewNames[name];
  return `${what} · ${product}`;
}
