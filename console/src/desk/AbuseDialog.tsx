// Three steps against abuse. Only the last cannot be taken back, so only that one asks again.

import { Modal } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { AbuseStep } from "../api/types";
import type { DeskActions } from "./useDeskActions";

const STEPS: readonly AbuseStep[] = ["warn", "supervisor", "end"];

/** The steps taken in this call; the gateway keeps the record, this only reminds the agent in this tab. */
const taken = new Map<string, Set<AbuseStep>>();

export function AbuseDialog({ call, actions, onClose }: { call: string; actions: DeskActions; onClose: () => void }) {
  const { t } = useTranslation();
  const [busy, setBusy] = useState(false);
  const [sure, setSure] = useState(false);
  const done = taken.get(call) ?? new Set<AbuseStep>();

  async function take(step: AbuseStep): Promise<void> {
    if (step === "end" && !sure) {
      setSure(true);
      return;
    }
    setBusy(true);
    const worked = await actions.abuse(step);
    setBusy(false);
    if (!worked) return;
    taken.clear();
    taken.set(call, new Set([...done, step]));
    onClose();
  }

  const next = STEPS.find((step) => !done.has(step));
  return (
    <Modal opened onClose={onClose} title={t("abuse.title")} centered closeButtonProps={{ "aria-label": t("common.close") }}>
      <p className="dialog-lead">{t("abuse.lead")}</p>
      <div className="steps">
        {STEPS.map((step) => (
          <button
            key={step}
            type="button"
            className={step === "end" ? "step step-end" : "step"}
            disabled={busy}
            data-autofocus={step === next ? true : undefined}
            onClick={() => void take(step)}
          >
            <b>
              {step === "end" && sure ? t("abuse.end_confirm") : t(`abuse.${step}`)}
              {done.has(step) ? <span className="note"> ✓ {t("abuse.done")}</span> : null}
            </b>
            <span>{step === "end" && sure ? t("abuse.end_sure") : t(`abuse.${step}_text`)}</span>
          </button>
        ))}
      </div>
    </Modal>
  );
}
