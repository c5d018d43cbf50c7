import { Modal, Switch } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { reasonText } from "../parts/words";
import { KEYS, reasonKey } from "./shortcuts";
import type { Shortcuts } from "./useShortcuts";

/** All keys on one page, and the switch that turns them off. */
export function HelpOverlay({ reasons, shortcuts, onClose }: { reasons: readonly string[]; shortcuts: Shortcuts; onClose: () => void }) {
  const { t } = useTranslation();
  const away = reasons.flatMap((reason, index): [string, string][] => {
    const key = reasonKey(index);
    return key ? [[key, reasonText(t, reason)]] : [];
  });
  const groups: [string, [string, string][]][] = [
    [t("help.presence"), [[KEYS.available, t("presence.available")], ...away, [KEYS.offline, t("presence.offline")]]],
    [
      t("help.call"),
      [
        [KEYS.answer, t("card.answer")],
        [KEYS.decline, t("card.decline")],
        [KEYS.mute, t("phone.mute")],
        [KEYS.hold, t("actions.hold")],
        [KEYS.park, t("actions.park")],
        [KEYS.fetch, t("parked.fetch")],
        [KEYS.transfer, t("actions.transfer")],
        [KEYS.back, t("actions.back")],
        [KEYS.consult, t("actions.consult")],
        [KEYS.three_way, t("actions.three_way")],
        [KEYS.complete, t("actions.complete")],
        [KEYS.go_back, t("actions.go_back")],
        [KEYS.abuse, t("actions.abuse")],
        [KEYS.hangup, t("actions.hangup")],
      ],
    ],
    [
      t("help.answer"),
      [
        [KEYS.replay, t("help.replay")],
        [KEYS.wrong, t("help.wrong")],
        [KEYS.copy, t("help.copy")],
        [KEYS.edit, t("help.edit")],
        [KEYS.reject, t("help.reject")],
      ],
    ],
    [
      t("help.wrapup"),
      [
        [KEYS.summary, t("help.summary")],
        [KEYS.extend, t("wrapup.extend")],
        [KEYS.done_available, t("wrapup.done_available")],
        [KEYS.done_break, t("help.done_break")],
      ],
    ],
    [t("help.other"), [[KEYS.help, t("help.help")]]],
  ];
  return (
    <Modal opened onClose={onClose} title={t("help.title")} centered size="lg" closeButtonProps={{ "aria-label": t("common.close") }}>
      <p className="dialog-lead">{t("help.lead")}</p>
      <div className="keys">
        {groups.map(([title, keys]) => (
          <section key={title}>
            <h3>{title}</h3>
            <dl>
              {keys.map(([key, what]) => (
                <div key={key}>
                  <dt>
                    <kbd className="key">{key}</kbd>
                  </dt>
                  <dd>{what}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
      <Switch
        mt="md"
        label={t("help.on")}
        description={t("help.off_hint")}
        checked={shortcuts.on}
        onChange={(event) => shortcuts.setOn(event.currentTarget.checked)}
      />
    </Modal>
  );
}
