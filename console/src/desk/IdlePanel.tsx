import { useTranslation } from "react-i18next";
import type { Desk } from "../api/types";
import { StateDot } from "../parts/StateDot";
import { ActButton } from "./ActButton";
import { type Act, KEYS } from "./shortcuts";

/** The middle of the desk while there is no call. */
export function IdlePanel({ desk, lost, perform }: { desk: Desk; lost: boolean; perform: (act: Act) => void }) {
  const { t } = useTranslation();
  const { state } = desk.agent;
  const shown = state === "offline" || state === "away" || state === "rest" ? state : "available";
  if (lost) {
    return (
      <section className="idle" aria-labelledby="idle-title">
        <StateDot state="offline" />
        <h2 id="idle-title">{t("idle.lost")}</h2>
        <p>{t("idle.lost_lead")}</p>
      </section>
    );
  }
  const waiting = desk.queues.reduce((sum, queue) => sum + queue.waiting, 0);
  return (
    <section className="idle" aria-labelledby="idle-title">
      <StateDot state={shown} />
      <h2 id="idle-title">{t(`idle.${shown}`)}</h2>
      <p>{shown === "rest" ? t("presence.rest") : t(`idle.${shown}_lead`)}</p>
      {shown === "available" || shown === "rest" ? null : (
        <ActButton label={t("presence.available")} shortcut={KEYS.available} tone="main" onClick={() => perform({ act: "available" })} />
      )}
      {desk.not_reached ? <p className="told" role="status">{t(`idle.not_reached.${desk.not_reached.why}`)}</p> : null}
      <p className="note">{waiting === 0 ? t("idle.none_waiting") : t("idle.waiting", { count: waiting })}</p>
    </section>
  );
}
