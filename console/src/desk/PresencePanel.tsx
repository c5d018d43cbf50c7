import { useTranslation } from "react-i18next";
import type { Desk, Presence } from "../api/types";
import { useNow } from "../parts/hooks";
import { StateDot } from "../parts/StateDot";
import { clock, secondsSince, secondsUntil } from "../parts/time";
import { reasonText } from "../parts/words";
import { ActButton } from "./ActButton";
import { type Act, type ActName, KEYS, reasonKey } from "./shortcuts";

interface Props {
  desk: Desk;
  lost: boolean;
  /** What was asked for after the present call. */
  after: { state: Presence; reason: string | null } | null;
  possible: ReadonlySet<ActName>;
  perform: (act: Act) => void;
}

export function PresencePanel({ desk, lost, after, possible, perform }: Props) {
  const { t } = useTranslation();
  const { agent, reasons } = desk;
  const inCall = agent.state === "talking" || agent.state === "wrapup";
  // In a call the buttons tell what comes afterwards, else what is.
  const shown: { state: string; reason: string | null } | null = inCall ? after : agent;
  const is = (state: Presence, reason: string | null = null): boolean =>
    shown?.state === state && (state !== "away" || shown.reason === reason);
  return (
    <section className="panel presence" aria-labelledby="presence-state">
      <header className="presence-now">
        <StateDot state={lost ? "offline" : agent.state} />
        <div>
          <h2 id="presence-state">
            {t(`state.${agent.state}`)}
            {agent.reason ? <span className="presence-reason"> · {reasonText(t, agent.reason)}</span> : null}
          </h2>
          {lost ? <p className="note">{t("link.last_known")}</p> : null}
          <Since since={agent.since} until={agent.until} />
        </div>
      </header>
      {agent.reason === "no_phone" ? <p className="note">{t("presence.no_phone")}</p> : null}
      {agent.state === "rest" ? <p className="note">{t("presence.rest")}</p> : null}
      {possible.has("away") ? null : <p className="note">{t("presence.in_offer")}</p>}
      {inCall ? <h3>{t("presence.after")}</h3> : null}
      {possible.has("away") ? (
        <div
          className={inCall ? "presence-acts presence-after" : "presence-acts"}
          role="group"
          aria-label={inCall ? t("presence.after") : t("presence.go")}
        >
          {agent.state === "rest" ? null : (
            <ActButton
              label={inCall ? t("state.available") : t("presence.available")}
              shortcut={KEYS.available}
              tone={inCall ? "plain" : "main"}
              pressed={is("available")}
              onClick={() => perform({ act: "available" })}
            />
          )}
          {reasons.map((reason, index) => (
            <ActButton
              key={reason}
              label={reasonText(t, reason)}
              shortcut={reasonKey(index)}
              pressed={is("away", reason)}
              onClick={() => perform({ act: "away", reason })}
            />
          ))}
          <ActButton
            label={inCall ? t("state.offline") : t("presence.offline")}
            shortcut={KEYS.offline}
            pressed={is("offline")}
            onClick={() => perform({ act: "offline" })}
          />
        </div>
      ) : null}
      <p className="presence-foot">
        <span>{t("presence.calls_today", { count: agent.calls_today })}</span>
        {agent.phone === "browser" ? (
          <span>{t("presence.browser_phone")}</span>
        ) : agent.phone === "registered" ? (
          <span>{t("presence.registered_phone")}</span>
        ) : (
          <span>
            {t("presence.phone")} <span className="mono">{agent.phone}</span>
          </span>
        )}
      </p>
    </section>
  );
}

function Since({ since, until }: { since: string; until: string | null }) {
  const { t } = useTranslation();
  const now = useNow();
  return (
    <p className="presence-since">
      {until
        ? t("presence.ends_in", { time: clock(secondsUntil(until, now)) })
        : t("presence.since", { time: clock(secondsSince(since, now)) })}
    </p>
  );
}
