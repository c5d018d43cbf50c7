import { useTranslation } from "react-i18next";
import { Panel } from "../parts/Panel";
import { loadWord } from "./acts";

/** The agent's own load: a calm bar and words. No number, because it is no score. */
export function LoadPanel({ load }: { load: number }) {
  const { t } = useTranslation();
  const word = loadWord(load);
  return (
    <Panel title={t("load.title")} className="load">
      <div className="load-bar" aria-hidden="true">
        <div className={`load-fill load-${word}`} style={{ width: `${Math.min(100, Math.max(4, load))}%` }} />
      </div>
      <p>
        {t(`load.${word}`)} <span className="note">{t("load.private")}</span>
      </p>
    </Panel>
  );
}
