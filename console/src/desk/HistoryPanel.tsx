import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { request } from "../api/http";
import type { EarlierCall, Intent } from "../api/types";
import { dateLocale } from "../i18n";
import { Panel } from "../parts/Panel";
import { becauseText, dispositionText } from "../parts/words";

/** The same caller's earlier calls. */
export function HistoryPanel({ call, intents }: { call: string; intents: readonly Intent[] }) {
  const { t } = useTranslation();
  const [calls, setCalls] = useState<EarlierCall[] | "failed" | null>(null);
  useEffect(() => {
    const stop = new AbortController();
    setCalls(null);
    request<EarlierCall[]>("GET", `/desk/history?call=${encodeURIComponent(call)}`, undefined, stop.signal)
      .then(setCalls)
      .catch(() => {
        if (!stop.signal.aborted) setCalls("failed");
      });
    return () => stop.abort();
  }, [call]);
  // Labels are those of the present call's flow; what came in by another flow keeps its name.
  const label = (intent: string | null): string | null => intents.find(({ name }) => name === intent)?.label ?? intent;
  const date = new Intl.DateTimeFormat(dateLocale(), { dateStyle: "medium", timeStyle: "short" });
  return (
    <Panel title={t("history.title")}>
      {calls === null ? <p className="note">{t("app.loading")}</p> : null}
      {calls === "failed" ? <p className="note">{t("history.unavailable")}</p> : null}
      {Array.isArray(calls) && calls.length === 0 ? <p className="note">{t("history.none")}</p> : null}
      {Array.isArray(calls) ? (
        <ol className="history">
          {calls.map((earlier) => (
            <li key={earlier.call}>
              <div className="queue-line">
                <time dateTime={earlier.at}>{date.format(new Date(earlier.at))}</time>
                <b>{dispositionText(t, earlier.disposition)}</b>
              </div>
              <div className="note">
                {[earlier.flow, label(earlier.intent), earlier.because ? becauseText(t, earlier.because) : null].filter(Boolean).join(" · ")}
              </div>
              {earlier.summary ? <p>{earlier.summary}</p> : null}
              {earlier.after_talk ? <p>{t("history.after_talk", { answer: earlier.after_talk })}</p> : null}
            </li>
          ))}
        </ol>
      ) : null}
    </Panel>
  );
}
