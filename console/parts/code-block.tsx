// A command or a program, with a button that copies it.
import { useState } from "preact/hooks";
import { addWords as words } from "../english/add.ts";

export function CodeBlock({ text, label }: { text: string; label: string }) {
  const [isCopied, setCopied] = useState(false);
  const copy = () => {
    navigator.clipboard.writeText(text).then(
      () => setCopied(true),
      () => setCopied(false),
    );
  };
  return (
    <div class="code-block">
      <section
        class="code-scroll"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys.
        tabIndex={0}
        aria-label={label}
      >
        <pre>
          <code>{text}</code>
        </pre>
      </section>
      <button type="button" class="button" onClick={copy}>
        {words.copy}
      </button>
      <span class="soft" role="status">
        {isCopied ? words.copied : ""}
      </span>
    </div>
  );
}
