// A draft of the answer. The agent judges: copy, edit or reject. A better answer goes to the trainers.

import { Button, Group, Textarea } from "@mantine/core";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Answer, Draft, Intent } from "../api/types";
import { Panel } from "../parts/Panel";
import { ActButton } from "./ActButton";
import { type Act, type ActName, KEYS } from "./shortcuts";

interface Props {
  draft: Draft | null;
  rejected: boolean;
  intents: readonly Intent[];
  editing: boolean;
  onEditing: (on: boolean) => void;
  possible: ReadonlySet<ActName>;
  perform: (act: Act) => void;
  onRightAnswer: (text: string) => Promise<boolean>;
  /** Another answer is taken. */
  onOther: (answer: Answer) => void;
}

export function DraftPanel({ draft, rejected, intents, editing, onEditing, possible, perform, onRightAnswer, onOther }: Props) {
  const { t } = useTranslation();
  if (!draft) {
    return (
      <Panel title={t("draft.title")}>
        <p className="note">{rejected ? t("draft.rejected") : t("draft.none")}</p>
      </Panel>
    );
  }
  const label = (of: string): string => intents.find(({ name }) => name === of)?.label ?? of;
  const intent = label(draft.intent);
  return (
    <Panel title={t("draft.title")} aside={<span className="note">{t("draft.for", { intent })}</span>} className="draft">
      {editing ? (
        <Editor draft={draft} onRightAnswer={onRightAnswer} onClose={() => onEditing(false)} />
      ) : (
        <>
          <blockquote>{draft.text}</blockquote>
          <p className="note">{t("draft.source", { source: draft.source })}</p>
          <div className="draft-acts">
            {(["copy", "edit", "reject"] as const)
              .filter((act) => possible.has(act))
              .map((act) => (
                <ActButton key={act} label={t(`draft.${act}`)} shortcut={KEYS[act]} onClick={() => perform({ act })} />
              ))}
          </div>
          {draft.others.length > 0 ? (
            <ul className="draft-others" aria-label={t("draft.others")}>
              {draft.others.map((other) => (
                <li key={other.intent}>
                  <span className="note">{label(other.intent)}</span>
                  <span>{other.text}</span>
                  <button type="button" className="small" aria-label={t("draft.copy_other", { intent: label(other.intent) })} onClick={() => onOther(other)}>
                    {t("draft.copy")}
                  </button>
                </li>
              ))}
            </ul>
          ) : null}
        </>
      )}
    </Panel>
  );
}

function Editor({ draft, onRightAnswer, onClose }: { draft: Draft; onRightAnswer: (text: string) => Promise<boolean>; onClose: () => void }) {
  const { t } = useTranslation();
  const [text, setText] = useState(draft.text);
  const [busy, setBusy] = useState(false);
  const box = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    box.current?.focus();
    box.current?.setSelectionRange(box.current.value.length, box.current.value.length);
  }, []);
  useEffect(() => setText(draft.text), [draft.text]);
  async function save(): Promise<void> {
    setBusy(true);
    if (await onRightAnswer(text.trim())) onClose();
    setBusy(false);
  }
  return (
    <>
      <Textarea label={t("draft.text")} value={text} onChange={(event) => setText(event.currentTarget.value)} autosize minRows={3} ref={box} />
      <Group mt="sm" justify="flex-end" gap="xs">
        <Button variant="default" size="sm" onClick={onClose}>
          {t("common.cancel")}
        </Button>
        <Button size="sm" loading={busy} disabled={text.trim() === "" || text === draft.text} onClick={() => void save()}>
          {t("draft.save")}
        </Button>
      </Group>
    </>
  );
}
