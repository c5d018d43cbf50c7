import { Key } from "../parts/Key";

interface Props {
  label: string;
  shortcut: string | null;
  onClick: () => void;
  tone?: "plain" | "main" | "danger";
  pressed?: boolean;
  disabled?: boolean;
}

/** A button with its key on it. */
export function ActButton({ label, shortcut, onClick, tone = "plain", pressed, disabled }: Props) {
  return (
    <button
      type="button"
      className={`act act-${tone}`}
      onClick={onClick}
      disabled={disabled}
      aria-pressed={pressed}
      aria-keyshortcuts={shortcut ?? undefined}
    >
      <span>{label}</span>
      <Key of={shortcut} />
    </button>
  );
}
