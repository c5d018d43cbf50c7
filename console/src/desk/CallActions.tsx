import type { TFunction } from "i18next";
import { useTranslation } from "react-i18next";
import type { Call, Consult } from "../api/types";
import { Panel } from "../parts/Panel";
import { ActButton } from "./ActButton";
import { type Act, type ActName, KEYS } from "./shortcuts";

interface Props {
  call: Call;
  possible: ReadonlySet<ActName>;
  perform: (act: Act) => void;
}

/** Who asks whom, and how far it is. */
function consultText(t: TFunction, { with: name, asked, talking, three_way }: Consult): string {
  if (three_way) return t(asked ? "consult.asked_three_way" : "consult.three_way", { name });
  if (asked) return t(talking ? "consult.asked_talks" : "consult.asked_rings", { name });
  return t(talking ? "consult.talks" : "consult.rings", { name });
}

/** How asking a colleague ends for who presses it. */
function backText(t: TFunction, consult: Consult | null): string {
  if (consult?.asked) return t("actions.leave");
  return consult?.three_way ? t("actions.without_colleague") : t("actions.go_back");
}

/** Only what can be done now is drawn; nothing is greyed out. */
export function CallActions({ call, possible, perform }: Props) {
  const { t } = useTranslation();
  const labels: [("hold" | "park" | "transfer" | "back" | "consult" | "three_way" | "complete" | "go_back" | "wrong" | "abuse" | "hangup"), string][] = [
    ["hold", call.phase === "held" ? t("actions.resume") : t("actions.hold")],
    ["park", t("actions.park")],
    ["transfer", t("actions.transfer")],
    ["back", t("actions.back")],
    ["consult", t("actions.consult")],
    ["three_way", t("actions.three_way")],
    ["complete", call.consult?.three_way ? t("actions.leave_to_colleague") : t("actions.complete")],
    ["go_back", backText(t, call.consult)],
    ["wrong", t("actions.wrong")],
    ["abuse", t("actions.abuse")],
    ["hangup", t("actions.hangup")],
  ];
  const shown = labels.filter(([act]) => possible.has(act));
  if (shown.length === 0 && !call.consult) return null;
  return (
    <Panel title={t("actions.title")}>
      {call.consult ? (
        <p className="note" role="status">
          {consultText(t, call.consult)}
        </p>
      ) : null}
      {call.consult_failed ? (
        <p className="note" role="status">
          {t(`consult_failed.${call.consult_failed}`)}
        </p>
      ) : null}
      <div className="call-acts">
        {shown.map(([act, label]) => (
          <ActButton
            key={act}
            label={label}
            shortcut={KEYS[act]}
            tone={act === "hangup" ? "danger" : "plain"}
            onClick={() => perform({ act })}
          />
        ))}
      </div>
    </Panel>
  );
}
