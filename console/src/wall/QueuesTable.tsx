import { useTranslation } from "react-i18next";
import type { WallQueue } from "../api/types";
import { currentLanguage } from "../i18n";
import { clock } from "../parts/time";
import { useTimeText } from "../parts/useTimeText";

export function QueuesTable({ queues }: { queues: readonly WallQueue[] }) {
  const { t } = useTranslation();
  const time = useTimeText();
  if (queues.length === 0) return <p className="note">{t("wall.no_queues")}</p>;
  const percent = new Intl.NumberFormat(currentLanguage(), { style: "percent", maximumFractionDigits: 0 });
  const share = (figure: number | null): string => (figure === null ? t("wall.no_figure") : percent.format(figure));
  const columns = ["waiting", "longest", "wait", "free", "talking", "today", "served", "abandoned", "service_level", "coverage"] as const;
  return (
    <div className="table-box" role="region" aria-label={t("wall.queues")} tabIndex={0}>
      <table>
        <thead>
          <tr>
            <th scope="col">{t("wall.queue")}</th>
            {columns.map((column) => (
              <th key={column} scope="col" className={column === "wait" ? undefined : "number"}>
                {t(`wall.${column}`)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {queues.map((queue) => (
            <tr key={queue.name}>
              <th scope="row">{queue.name}</th>
              <td className="number">
                <b className={queue.waiting > 0 ? "figure figure-some" : "figure"}>{queue.waiting}</b>
              </td>
              <td className="number">{queue.waiting > 0 ? clock(queue.longest_wait_s) : t("wall.no_figure")}</td>
              <td>{time.wait(queue.wait)}</td>
              <td className="number">{queue.free}</td>
              <td className="number">{queue.talking}</td>
              <td className="number">{queue.calls_today}</td>
              <td className="number">{queue.served_today}</td>
              <td className="number">{queue.abandoned_today}</td>
              <td className="number">{share(queue.service_level)}</td>
              <td className="number">{share(queue.coverage)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
