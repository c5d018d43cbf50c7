// Sending the caller back into the flow by keyboard: arrow keys, Enter. Only the nodes that the flow lets agents use.

import { Modal } from "@mantine/core";
import { type KeyboardEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Intent } from "../api/types";
import type { DeskActions } from "./useDeskActions";

export function BackDialog({ nodes, actions, onClose }: { nodes: readonly Intent[]; actions: DeskActions; onClose: () => void }) {
  const { t } = useTranslation();
  const [chosen, setChosen] = useState(0);
  const [busy, setBusy] = useState(false);
  const at = Math.min(chosen, nodes.length - 1);

  async function send(node: Intent): Promise<void> {
    if (busy) return;
    setBusy(true);
    if (await actions.back(node.name, node.label)) onClose();
    setBusy(false);
  }

  function onKey(event: KeyboardEvent): void {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const node = nodes[at];
    if (step !== undefined) {
      event.preventDefault();
      setChosen((at + step + nodes.length) % nodes.length);
    } else if (event.key === "Enter" && node) {
      event.preventDefault();
      void send(node);
    }
  }

  return (
    <Modal opened onClose={onClose} title={t("back.title")} centered closeButtonProps={{ "aria-label": t("common.close") }}>
      <p className="dialog-lead">{t("back.lead")}</p>
      <ul
        className="targets"
        role="listbox"
        aria-label={t("back.title")}
        aria-activedescendant={`back-${at}`}
        tabIndex={0}
        onKeyDown={onKey}
        data-autofocus
      >
        {nodes.map((node, index) => (
          <li key={node.name} id={`back-${index}`} role="option" aria-selected={index === at} onClick={() => void send(node)}>
            <span>{node.label}</span>
          </li>
        ))}
      </ul>
    </Modal>
  );
}
