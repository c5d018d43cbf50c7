import { useTranslation } from "react-i18next";
import type { Call } from "../api/types";
import { Panel } from "../parts/Panel";
import { ActButton } from "./ActButton";
import { type Act, type ActName, KEYS } from "./shortcuts";

interface Props {
  call: Call;
  possible: ReadonlySet<ActName>;
  perform: (act: Act) => void;
}

/** Only what can be done now is drawn; nothing is greyed out. */
export function CallActions({ call, possible, perform }: Props) {
  const { t } = useTranslation();
  const labels: [("hold" | "transfer" | "wrong" | "abuse" | "hangup"), string][] = [
    ["hold", call.phase === "held" ? t("actions.resume") : t("actions.hold")],
    ["transfer", t("actions.transfer")],
    ["wrong", t("actions.wrong")],
    ["abuse", t("actions.abuse")],
    ["hangup", t("actions.hangup")],
  ];
  const shown = labels.filter(([act]) => possible.has(act));
  if (shown.length === 0) return null;
  return (
    <Panel title={t("actions.title")}>
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
