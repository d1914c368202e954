// A card with a title, and under its figures a sentence that says how they are reckoned.
import type { ComponentChildren } from "preact";

export type CardProps = {
  title: string;
  class?: string;
  /** How the figures are reckoned. */
  how?: string | undefined;
  /** Beside the title: buttons or a word. */
  aside?: ComponentChildren;
  children: ComponentChildren;
};

export function Card({ title, class: name = "", how, aside, children }: CardProps) {
  return (
    <section class={`card ${name}`} aria-label={title}>
      <div class="card-head">
        <h2>{title}</h2>
        {aside}
      </div>
      {children}
      {how !== undefined && <p class="how">{how}</p>}
    </section>
  );
}

/** Pairs of a name and a figure. */
export function Figures({
  of,
}: {
  of: readonly (readonly [ComponentChildren, ComponentChildren])[];
}) {
  return (
    <dl class="figures">
      {of.map(([name, value], at) => [
        <dt key={`${at}-name`}>{name}</dt>,
        <dd key={`${at}-value`}>{value}</dd>,
      ])}
    </dl>
  );
}
