/** The key of an action, drawn beside its name. Not read aloud: the button tells it by `aria-keyshortcuts`. */
export function Key({ of }: { of: string | null }) {
  if (!of) return null;
  return (
    <kbd className="key" aria-hidden="true">
      {of}
    </kbd>
  );
}
