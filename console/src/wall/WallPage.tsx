// The supervisor's view: queues, agents, who waits, and how the team bears it. Nobody's own load is shown here.

import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import type { Live } from "../api/live";
import type { Wall } from "../api/types";
import { loadWord } from "../desk/acts";
import { useNow, useTitle } from "../parts/hooks";
import { useSay } from "../parts/notices";
import { Panel } from "../parts/Panel";
import { clock, secondsSince } from "../parts/time";
import { useTimeText } from "../parts/useTimeText";
import { becauseText, languageText } from "../parts/words";
import { AgentsTable } from "./AgentsTable";
import { QueuesTable } from "./QueuesTable";

export function WallPage({ live, wall }: { live: Live; wall: Wall | null }) {
  const { t } = useTranslation();
  const say = useSay();
  useTitle(t("wall.title"), false);
  useEffect(() => {
    live.watchWall(true);
    live.wall("").catch(say.failed);
    return () => live.watchWall(false);
  }, [live, say]);
  if (!wall) {
    return (
      <p className="loading" role="status">
        {t("app.loading")}
      </p>
    );
  }
  return (
    <div className="wall">
      <h1 className="hidden">{t("wall.title")}</h1>
      <Panel title={t("wall.queues")}>
        <QueuesTable queues={wall.queues} />
      </Panel>
      <Panel title={t("wall.callers")} aside={<span className="count">{wall.waiting.length}</span>}>
        <Waiting wall={wall} />
      </Panel>
      <Panel title={t("wall.agents")} aside={<span className="count">{wall.agents.length}</span>}>
        <AgentsTable agents={wall.agents} live={live} />
      </Panel>
      <TeamLoad load={wall.load} />
    </div>
  );
}

function Waiting({ wall }: { wall: Wall }) {
  const { t } = useTranslation();
  const time = useTimeText();
  const now = useNow();
  if (wall.waiting.length === 0) return <p className="note">{t("wall.nobody")}</p>;
  return (
    <div className="table-box" role="region" aria-label={t("wall.callers")} tabIndex={0}>
      <table>
        <thead>
          <tr>
            <th scope="col">{t("wall.queue")}</th>
            <th scope="col" className="number">
              {t("wall.position")}
            </th>
            <th scope="col" className="number">
              {t("wall.waited")}
            </th>
            <th scope="col">{t("wall.will_wait")}</th>
            <th scope="col" className="number">
              {t("wall.priority")}
            </th>
            <th scope="col">{t("wall.language")}</th>
            <th scope="col">{t("wall.because")}</th>
          </tr>
        </thead>
        <tbody>
          {wall.waiting.map((caller) => (
            <tr key={caller.call}>
              <th scope="row">
                {caller.queue}
                {caller.call_back ? <span className="chip">{t("wall.call_back")}</span> : null}
              </th>
              <td className="number">{caller.position}</td>
              <td className="number">{clock(secondsSince(caller.since, now))}</td>
              <td>{time.wait(caller.from_s === null || caller.to_s === null ? null : { from_s: caller.from_s, to_s: caller.to_s })}</td>
              <td className="number">{caller.priority}</td>
              <td>{languageText(t, caller.language)}</td>
              <td>{becauseText(t, caller.because)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function TeamLoad({ load }: { load: Wall["load"] }) {
  const { t } = useTranslation();
  if (!load) {
    return (
      <Panel title={t("wall.load")} className="load">
        <p className="note">{t("wall.load_too_few")}</p>
      </Panel>
    );
  }
  const word = loadWord(load.mean);
  return (
    <Panel title={t("wall.load")} className="load">
      <div className="load-bar" aria-hidden="true">
        <div className={`load-fill load-${word}`} style={{ width: `${Math.min(100, Math.max(4, load.mean))}%` }} />
      </div>
      <p>
        {t("wall.load_text", { words: t(`wall.load_${word}`) })}{" "}
        {load.high === 0 ? t("wall.load_nobody_high") : t("wall.load_some_high", { count: load.high })}
      </p>
      <p className="note">{t("wall.load_private")}</p>
    </Panel>
  );
}
