import { useTranslation } from "react-i18next";
import type { Colleague, Queue } from "../api/types";
import { Panel } from "../parts/Panel";
import { StateDot } from "../parts/StateDot";
import { clock } from "../parts/time";
import { useTimeText } from "../parts/useTimeText";

export function QueuesPanel({ queues }: { queues: readonly Queue[] }) {
  const { t } = useTranslation();
  const time = useTimeText();
  return (
    <Panel title={t("queues.title")}>
      {queues.length === 0 ? <p className="note">{t("queues.none")}</p> : null}
      <ul className="queues">
        {queues.map((queue) => (
          <li key={queue.name}>
            <div className="queue-line">
              <strong>{queue.name}</strong>
              <span>
                {t("queues.waiting")} <b>{queue.waiting}</b>
                {queue.waiting > 0 ? <span className="note"> {t("queues.longest", { time: clock(queue.longest_wait_s) })}</span> : null}
              </span>
            </div>
            <div className="queue-line note">
              <span>{t("queues.wait", { wait: time.wait(queue.wait) })}</span>
              <span>{t("queues.free", { count: queue.free })}</span>
            </div>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

export function ColleaguesPanel({ colleagues }: { colleagues: readonly Colleague[] }) {
  const { t } = useTranslation();
  return (
    <Panel title={t("colleagues.title")}>
      {colleagues.length === 0 ? <p className="note">{t("colleagues.none")}</p> : null}
      <ul className="colleagues">
        {colleagues.map((colleague) => (
          <li key={colleague.name}>
            <StateDot state={colleague.state} />
            <span>{colleague.display}</span>
            <span className="note">{t(`state.${colleague.state}`)}</span>
          </li>
        ))}
      </ul>
    </Panel>
  );
}
