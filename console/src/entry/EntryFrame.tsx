import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { LanguageSwitch } from "../parts/LanguageSwitch";

/** Around login and set-up: nothing but the form and the language. */
export function EntryFrame({ title, lead, children }: { title: string; lead?: string; children: ReactNode }) {
  const { t } = useTranslation();
  return (
    <div className="entry">
      <header className="entry-head">
        <span className="brand">
          <img src="./icon.svg" alt="" width="28" height="28" />
          {t("app.name")}
        </span>
        <LanguageSwitch onSwitch={() => {}} />
      </header>
      <main className="entry-main">
        <h1>{title}</h1>
        {lead ? <p className="entry-lead">{lead}</p> : null}
        {children}
      </main>
    </div>
  );
}
