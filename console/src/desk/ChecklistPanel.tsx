import { useTranslation } from "react-i18next";
import type { ChecklistItem } from "../api/types";
import { Panel } from "../parts/Panel";

/** What the matter needs: what is missing first, because that is what to ask for. */
export function ChecklistPanel({ items }: { items: readonly ChecklistItem[] }) {
  const { t } = useTranslation();
  const missing = items.filter((item) => item.value === null);
  const there = items.filter((item) => item.value !== null);
  const aside = items.length === 0 ? null : missing.length === 0 ? t("checklist.complete") : t("checklist.missing", { count: missing.length });
  return (
    <Panel title={t("checklist.title")} aside={<span className="note">{aside}</span>}>
      {items.length === 0 ? <p className="note">{t("checklist.empty")}</p> : null}
      <ul className="checklist">
        {[...missing, ...there].map((item) => (
          <li key={item.slot} className={item.value === null ? "check-missing" : "check-there"}>
            <span aria-hidden="true">{item.value === null ? "○" : "✓"}</span>
            <span>{item.label}</span>
            <b>{item.value ?? t("checklist.missing_word")}</b>
          </li>
        ))}
      </ul>
    </Panel>
  );
}
