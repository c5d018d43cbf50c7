// What several pages need from React.

import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { gatewayNow } from "../api/http";

/** The gateway's time, once a second. */
export function useNow(): number {
  const [now, setNow] = useState(gatewayNow);
  useEffect(() => {
    const timer = setInterval(() => setNow(gatewayNow()), 1000);
    return () => clearInterval(timer);
  }, []);
  return now;
}

/** The page's title; while something rings it alternates, so that a tab in the background is noticed. */
export function useTitle(page: string, ringing: boolean): void {
  const { t } = useTranslation();
  useEffect(() => {
    const plain = t("title.plain", { page });
    document.title = plain;
    if (!ringing) return undefined;
    document.title = t("title.ringing");
    const timer = setInterval(() => {
      document.title = document.title === plain ? t("title.ringing") : plain;
    }, 900);
    return () => {
      clearInterval(timer);
      document.title = plain;
    };
  }, [page, ringing, t]);
}
