import { useTranslation } from "react-i18next";
import type { Desk } from "../api/types";
import { useNow } from "../parts/hooks";
import { StateDot } from "../parts/StateDot";
import { clock, secondsSince, secondsUntil } from "../parts/time";
import { reasonText } from "../parts/words";
import { ActButton } from "./ActButton";
import { type Act, type ActName, KEYS, reasonKey } from "./shortcuts";

interface Props {
  desk: Desk;
  lost: boolean;
  possible: ReadonlySet<ActName>;
  perform: (act: Act) => void;
}

export function PresencePanel({ desk, lost, possible, perform }: Props) {
  const { t } = useTranslation();
  const { agent, reasons } = desk;
  const locked = !possible.has("away");
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
      {agent.state === "rest" ? <p className="note">{t("presence.rest")}</p> : null}
      {locked ? <p className="note">{agent.state === "wrapup" ? t("presence.in_wrapup") : t("presence.in_call")}</p> : null}
      {locked ? null : (
        <div className="presence-acts" role="group" aria-label={t("presence.go")}>
          <ActButton
            label={t("presence.available")}
            shortcut={KEYS.available}
            tone="main"
            pressed={agent.state === "available"}
            onClick={() => perform({ act: "available" })}
          />
          {reasons.map((reason, index) => (
            <ActButton
              key={reason}
              label={reasonText(t, reason)}
              shortcut={reasonKey(index)}
              pressed={agent.state === "away" && agent.reason === reason}
              onClick={() => perform({ act: "away", reason })}
            />
          ))}
          <ActButton
            label={t("presence.offline")}
            shortcut={KEYS.offline}
            pressed={agent.state === "offline"}
            onClick={() => perform({ act: "offline" })}
          />
        </div>
      )}
      <p className="presence-foot">
        <span>{t("presence.calls_today", { count: agent.calls_today })}</span>
        {agent.phone === "browser" ? (
          // The place of a phone in this page, once there is one.
          <span>{t("presence.browser_phone")}</span>
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
