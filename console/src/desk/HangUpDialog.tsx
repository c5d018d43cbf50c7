import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Ask } from "../parts/Ask";
import type { DeskActions } from "./useDeskActions";

/** One key must not be enough to throw a caller out. */
export function HangUpDialog({ actions, onClose }: { actions: DeskActions; onClose: () => void }) {
  const { t } = useTranslation();
  const [busy, setBusy] = useState(false);
  async function hangUp(): Promise<void> {
    setBusy(true);
    await actions.hangup();
    onClose();
  }
  return (
    <Ask
      opened
      title={t("hangup.title")}
      text={t("hangup.text")}
      confirm={t("hangup.confirm")}
      busy={busy}
      onConfirm={() => void hangUp()}
      onClose={onClose}
    />
  );
}
