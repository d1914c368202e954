// Asks for an API key. The key goes into the tab's session, and never into an address.
import { useState } from "preact/hooks";
import { session, signIn } from "../contract/session.ts";
import { signInWords as words } from "../english/frame.ts";

export function SignIn() {
  const [text, setText] = useState("");
  const submit = (event: Event) => {
    event.preventDefault();
    const key = text.trim();
    if (key === "") return;
    session.value = { kind: "unknown" };
    signIn(key);
  };
  return (
    <form class="card sign-in" onSubmit={submit}>
      <h1>{words.title}</h1>
      <p class="soft">{words.why}</p>
      {session.value.kind === "refused" && (
        <p role="alert" class="refused">
          {words.refused}
        </p>
      )}
      <label>
        {words.label}
        <input
          class="field"
          type="password"
          autoComplete="off"
          spellcheck={false}
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
      </label>
      <button type="submit" class="button primary">
        {words.button}
      </button>
      <p class="how">{words.how}</p>
      <pre class="wide">
        <code>{words.command}</code>
      </pre>
    </form>
  );
}
