// Sending the call on, or asking a colleague about it, by keyboard: type, arrow keys, Enter.

import { Modal, TextInput } from "@mantine/core";
import { type KeyboardEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Desk } from "../api/types";
import { StateDot } from "../parts/StateDot";
import { type Target, canTake, fitting, move, targetsOf } from "./targets";
import type { DeskActions } from "./useDeskActions";

interface Props {
  desk: Desk;
  actions: DeskActions;
  /** The caller stays, on hold, and the colleague is asked. */
  asks?: boolean;
  onClose: () => void;
}

export function TransferDialog({ desk, actions, asks = false, onClose }: Props) {
  const { t } = useTranslation();
  const [typed, setTyped] = useState("");
  const [chosen, setChosen] = useState(0);
  const [busy, setBusy] = useState(false);
  const shown = fitting(targetsOf(desk), typed);
  const at = shown[chosen] && canTake(shown[chosen]) ? chosen : move(shown, -1, 1);

  async function transfer(target: Target): Promise<void> {
    if (busy || !canTake(target)) return;
    setBusy(true);
    const to = target.is === "queue" ? { queue: target.name } : { agent: target.name };
    if (await (asks ? actions.consult(to) : actions.transfer(to, target.display))) onClose();
    setBusy(false);
  }

  function onKey(event: KeyboardEvent): void {
    if (event.nativeEvent.isComposing) return;
    const target = shown[at];
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      setChosen(move(shown, at, event.key === "ArrowDown" ? 1 : -1));
    } else if (event.key === "Enter" && target) {
      event.preventDefault();
      void transfer(target);
    }
  }

  return (
    <Modal opened onClose={onClose} title={asks ? t("consult.title") : t("transfer.title")} centered closeButtonProps={{ "aria-label": t("common.close") }}>
      <p className="dialog-lead">{asks ? t("consult.lead") : t("transfer.lead")}</p>
      <TextInput
        label={t("transfer.search")}
        value={typed}
        onChange={(event) => {
          setTyped(event.currentTarget.value);
          setChosen(0);
        }}
        onKeyDown={onKey}
        role="combobox"
        aria-expanded={shown.length > 0}
        aria-controls="transfer-targets"
        aria-autocomplete="list"
        aria-activedescendant={at >= 0 ? `transfer-${at}` : undefined}
        autoComplete="off"
        data-autofocus
      />
      {shown.length === 0 ? (
        <p className="note" role="status">
          {t("transfer.nothing", { text: typed })}
        </p>
      ) : (
        <ul className="targets" id="transfer-targets" role="listbox" aria-label={t("transfer.search")}>
          {shown.map((target, index) => (
            <li
              key={`${target.is}-${target.name}`}
              id={`transfer-${index}`}
              role="option"
              aria-selected={index === at}
              aria-disabled={!canTake(target)}
              onClick={() => void transfer(target)}
            >
              <TargetLine target={target} />
            </li>
          ))}
        </ul>
      )}
    </Modal>
  );
}

function TargetLine({ target }: { target: Target }) {
  const { t } = useTranslation();
  if (target.is === "queue") {
    return (
      <>
        <span>{t("card.queue", { queue: target.display })}</span>
        <span className="note">
          {target.back ? `${t("transfer.back")} · ` : null}
          {target.waiting === 0 ? t("idle.none_waiting") : t("idle.waiting", { count: target.waiting })}
        </span>
      </>
    );
  }
  return (
    <>
      <span>
        <StateDot state={target.state} /> {target.display}
      </span>
      <span className="note">{t(`state.${target.state}`)}</span>
    </>
  );
}
