import { useTranslation } from "react-i18next";
import type { Desk, ParkedCaller } from "../api/types";
import { Panel } from "../parts/Panel";
import { useNow } from "../parts/hooks";
import { clock, secondsSince } from "../parts/time";
import { ActButton } from "./ActButton";
import { type Act, type ActName, KEYS } from "./shortcuts";

interface Props {
  parked: readonly ParkedCaller[];
  gone: Desk["parked_gone"];
  possible: ReadonlySet<ActName>;
  perform: (act: Act) => void;
}

/** Callers whom somebody has put aside, and who can be fetched with one key: the first of them, or by a click any. */
export function ParkedPanel({ parked, gone, possible, perform }: Props) {
  const { t } = useTranslation();
  if (parked.length === 0 && !gone) return null;
  return (
    <Panel title={t("parked.title")}>
      <ul className="queues">
        {parked.map((caller, index) => (
          <li key={caller.call}>
            <div className="queue-line">
              <strong>{caller.caller || t("card.unknown_caller")}</strong>
              <ParkedClock since={caller.since} />
            </div>
            <div className="note">{caller.wants ?? t("card.no_intent")}</div>
            <div className="note">{t("parked.by", { name: caller.by, queue: caller.queue })}</div>
            {possible.has("fetch") ? (
              <ActButton
                label={t("parked.fetch")}
                shortcut={index === 0 ? KEYS.fetch : null}
                onClick={() => perform({ act: "fetch", call: caller.call })}
              />
            ) : null}
          </li>
        ))}
      </ul>
      {gone ? (
        <p className="note" role="status">
          {t("parked.gone", { caller: gone.caller || t("card.unknown_caller"), name: gone.by })}
        </p>
      ) : null}
    </Panel>
  );
}

function ParkedClock({ since }: { since: string }) {
  const now = useNow();
  return <span>{clock(secondsSince(since, now))}</span>;
}
