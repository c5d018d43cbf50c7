// The two languages of the page. All words are in `locales/`; this file only chooses.

import i18next from "i18next";
import { initReactI18next } from "react-i18next";
import type { Language } from "./api/types";
import en from "./locales/en.json";
import zh from "./locales/zh.json";

declare module "i18next" {
  interface CustomTypeOptions {
    defaultNS: "translation";
    resources: { translation: typeof en };
  }
}

export const LANGUAGES: readonly Language[] = ["en", "zh"];
const REMEMBERED = "hotline.language";

export function firstLanguage(remembered: string | null, browser: readonly string[]): Language {
  if (remembered === "en" || remembered === "zh") return remembered;
  const known = browser.find((tag) => /^(en|zh)\b/i.test(tag));
  return known && /^zh/i.test(known) ? "zh" : "en";
}

export function currentLanguage(): Language {
  return i18next.language === "zh" ? "zh" : "en";
}

/** Dates as the reader writes them: English differs between countries, so the browser's own kind counts. */
export function dateLocale(): string {
  if (currentLanguage() === "zh") return "zh-CN";
  return navigator.languages.find((tag) => /^en-/i.test(tag)) ?? "en-GB";
}

export async function switchLanguage(language: Language): Promise<void> {
  localStorage.setItem(REMEMBERED, language);
  await i18next.changeLanguage(language);
}

function tellTheBrowser(language: string): void {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
}

export async function startI18n(): Promise<void> {
  i18next.on("languageChanged", tellTheBrowser);
  await i18next.use(initReactI18next).init({
    lng: firstLanguage(localStorage.getItem(REMEMBERED), navigator.languages),
    fallbackLng: "en",
    resources: { en: { translation: en }, zh: { translation: zh } },
    // React escapes.
    interpolation: { escapeValue: false },
  });
}
