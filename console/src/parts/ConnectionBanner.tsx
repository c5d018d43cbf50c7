// The truth about the connection. An agent who sees no banner can be reached.

import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { type Link, isLost } from "../api/link";
import type { Desk } from "../api/types";
import { dateLocale } from "../i18n";
import { useNow } from "./hooks";
import { useSay } from "./notices";

interface Props {
  link: Link;
  desk: Desk | null;
  heardAt: number | null;
  onTryNow: () => void;
}

/** A loss that is mended at once is not worth a fright. */
const PATIENCE_MS = 700;

export function ConnectionBanner({ link, desk, heardAt, onTryNow }: Props) {
  const lost = isLost(link);
  const { t } = useTranslation();
  const say = useSay();
  const [shown, setShown] = useState(false);
  useEffect(() => {
    if (!lost) {
      if (shown) say.done(t("link.back"));
      setShown(false);
      return undefined;
    }
    const timer = setTimeout(() => setShown(true), PATIENCE_MS);
    return () => clearTimeout(timer);
  }, [lost, shown, say, t]);
  return lost && shown ? <Lost link={link} desk={desk} heardAt={heardAt} onTryNow={onTryNow} /> : null;
}

function Lost({ link, desk, heardAt, onTryNow }: Props) {
  const { t } = useTranslation();
  const now = useNow();
  const onCall = desk?.call && desk.call.phase !== "wrapup" && desk.call.phase !== "offered";
  const time = heardAt ? new Intl.DateTimeFormat(dateLocale(), { timeStyle: "medium" }).format(heardAt) : null;
  const seconds = link.retryAt ? Math.max(1, Math.ceil((link.retryAt - now) / 1000)) : null;
  return (
    <div className="lost">
      <div role="alert">
        <strong>{desk ? t("link.lost") : t("link.lost_elsewhere")}</strong>
        {onCall ? <span> {t("link.on_call")}</span> : null}
      </div>
      <div className="lost-next">
        {time ? <span>{t("link.as_of", { time })}</span> : null}
        <span>{seconds === null ? t("link.trying") : t("link.retry_in", { seconds })}</span>
        <button type="button" onClick={onTryNow} disabled={seconds === null}>
          {t("link.try_now")}
        </button>
      </div>
    </div>
  );
}
