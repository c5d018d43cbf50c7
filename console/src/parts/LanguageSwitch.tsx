import { useTranslation } from "react-i18next";
import type { Language } from "../api/types";
import { LANGUAGES, currentLanguage, switchLanguage } from "../i18n";

/** Both languages by their own names, each in its own language, so that nobody has to read the other one to find theirs. */
export function LanguageSwitch({ onSwitch }: { onSwitch: (language: Language) => void }) {
  const { t } = useTranslation();
  const now = currentLanguage();
  return (
    <div className="languages" role="group" aria-label={t("language.label")}>
      {LANGUAGES.map((language) => (
        <button
          key={language}
          type="button"
          lang={language === "zh" ? "zh-CN" : "en"}
          aria-pressed={language === now}
          onClick={() => {
            void switchLanguage(language);
            onSwitch(language);
          }}
        >
          {t(`language.${language}`)}
        </button>
      ))}
    </div>
  );
}
