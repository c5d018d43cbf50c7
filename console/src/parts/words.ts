// Words that come from the configuration or the gateway (reasons, dispositions, languages): translated where this page knows them, else as
// they are.

import type { TFunction } from "i18next";
import en from "../locales/en.json";

function known<Words extends object>(words: Words, word: string): word is string & keyof Words {
  return Object.hasOwn(words, word);
}

function plain(word: string): string {
  const text = word.replaceAll("_", " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

export function reasonText(t: TFunction, reason: string): string {
  return known(en.reason, reason) ? t(`reason.${reason}`) : plain(reason);
}

export function dispositionText(t: TFunction, disposition: string): string {
  return known(en.disposition, disposition) ? t(`disposition.${disposition}`) : plain(disposition);
}

export function languageText(t: TFunction, language: string): string {
  return known(en.lang_name, language) ? t(`lang_name.${language}`) : language;
}

/** Why a person, as one word of the flow; the card has the gateway's own sentence. */
export function becauseText(t: TFunction, because: string): string {
  return known(en.because, because) ? t(`because.${because}`) : plain(because);
}

export function slotText(slot: string): string {
  return plain(slot);
}
