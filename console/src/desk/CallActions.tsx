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
function consultText(t: TFunction, { with: name, asked, talking }: Consult): string {
  if (asked) return t(talking ? "consult.asked_talks" : "consult.asked_rings", { name });
  return t(talking ? "consult.talks" : "consult.rings", { name });
}

/** Only what can be done now is drawn; nothing is greyed out. */
export function CallActions({ call, possible, perform }: Props) {
  const { t } = useTranslation();
  const labels: [("hold" | "transfer" | "consult" | "complete" | "go_back" | "wrong" | "abuse" | "hangup"), string][] = [
    ["hold", call.phase === "held" ? t("actions.resume") : t("actions.hold")],
    ["transfer", t("actions.transfer")],
    ["consult", t("actions.consult")],
    ["complete", t("actions.complete")],
    ["go_back", call.consult?.asked ? t("actions.leave") : t("actions.go_back")],
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
