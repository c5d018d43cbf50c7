import { type ReactNode, useId } from "react";

interface Props {
  title: string;
  /** Beside the title, such as a count or a key. */
  aside?: ReactNode;
  className?: string;
  children: ReactNode;
}

/** A titled part of a page, found by screen readers under its title. */
export function Panel({ title, aside, className, children }: Props) {
  const id = useId();
  return (
    <section className={className ? `panel ${className}` : "panel"} aria-labelledby={id}>
      <header className="panel-head">
        <h2 id={id}>{title}</h2>
        {aside}
      </header>
      {children}
    </section>
  );
}
