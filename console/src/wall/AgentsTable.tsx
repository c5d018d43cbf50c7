import { Menu } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Live } from "../api/live";
import type { Presence, WallAgent } from "../api/types";
import { Ask } from "../parts/Ask";
import { useNow } from "../parts/hooks";
import { useSay } from "../parts/notices";
import { StateDot } from "../parts/StateDot";
import { clock, secondsSince } from "../parts/time";
import { reasonText } from "../parts/words";

export function AgentsTable({ agents, live }: { agents: readonly WallAgent[]; live: Live }) {
  const { t } = useTranslation();
  const say = useSay();
  const now = useNow();
  const [leaving, setLeaving] = useState<WallAgent | null>(null);

  async function move(agent: WallAgent, state: Presence): Promise<void> {
    setLeaving(null);
    try {
      await live.wall(`/agents/${encodeURIComponent(agent.name)}/presence`, { state });
      say.done(t("wall.moved", { name: agent.display, state: t(`state.${state}`) }));
    } catch (error) {
      say.failed(error);
    }
  }

  if (agents.length === 0) return <p className="note">{t("wall.no_agents")}</p>;
  return (
    <div className="table-box" role="region" aria-label={t("wall.agents")} tabIndex={0}>
      <table>
        <thead>
          <tr>
            <th scope="col">{t("wall.agent")}</th>
            <th scope="col">{t("wall.state")}</th>
            <th scope="col" className="number">
              {t("wall.for")}
            </th>
            <th scope="col">{t("wall.queue")}</th>
            <th scope="col" className="number">
              {t("wall.today")}
            </th>
            <td />
          </tr>
        </thead>
        <tbody>
          {agents.map((agent) => (
            <tr key={agent.name}>
              <th scope="row">{agent.display}</th>
              <td>
                <span className="state">
                  <StateDot state={agent.state} />
                  {t(`state.${agent.state}`)}
                  {agent.reason ? <span className="note">{reasonText(t, agent.reason)}</span> : null}
                </span>
              </td>
              <td className="number">{clock(secondsSince(agent.since, now))}</td>
              <td>{agent.queue ?? t("wall.no_figure")}</td>
              <td className="number">{agent.calls_today}</td>
              <td className="row-acts">
                <Menu withInitialFocusPlaceholder={false} position="bottom-end" withinPortal>
                  <Menu.Target>
                    <button type="button" className="small" aria-label={t("wall.move", { name: agent.display })}>
                      ⋯
                    </button>
                  </Menu.Target>
                  <Menu.Dropdown>
                    <Menu.Item disabled={agent.state === "available"} onClick={() => void move(agent, "available")}>
                      {t("wall.make_available")}
                    </Menu.Item>
                    <Menu.Item disabled={agent.state === "offline"} onClick={() => setLeaving(agent)}>
                      {t("wall.make_offline")}
                    </Menu.Item>
                  </Menu.Dropdown>
                </Menu>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {leaving ? (
        <Ask
          opened
          title={t("wall.offline_sure", { name: leaving.display })}
          text={t("wall.offline_text", { name: leaving.display })}
          confirm={t("wall.make_offline")}
          onConfirm={() => void move(leaving, "offline")}
          onClose={() => setLeaving(null)}
        />
      ) : null}
    </div>
  );
}
