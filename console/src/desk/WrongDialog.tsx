// "The robot was wrong here": the agent's correction goes to the trainers.

import { Alert, Button, Group, Modal, Select, Stack, Textarea } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Intent, Turn } from "../api/types";
import type { DeskActions } from "./useDeskActions";

interface Props {
  turn: Turn;
  intents: readonly Intent[];
  actions: DeskActions;
  onClose: () => void;
}

export function WrongDialog({ turn, intents, actions, onClose }: Props) {
  const { t } = useTranslation();
  const [intent, setIntent] = useState<string | null>(null);
  const [answer, setAnswer] = useState("");
  const [busy, setBusy] = useState(false);
  const [empty, setEmpty] = useState(false);
  const label = turn.intent === null ? null : (intents.find(({ name }) => name === turn.intent)?.label ?? turn.intent);

  async function send(event: FormEvent): Promise<void> {
    event.preventDefault();
    const right = answer.trim() || null;
    if (!intent && !right) {
      setEmpty(true);
      return;
    }
    setBusy(true);
    if (await actions.wrong(turn.number, intent, right)) onClose();
    setBusy(false);
  }

  return (
    <Modal opened onClose={onClose} title={t("wrong.title")} centered size="lg" closeButtonProps={{ "aria-label": t("common.close") }}>
      <form onSubmit={(event) => void send(event)}>
        <Stack>
          <dl className="slots">
            <div>
              <dt>{t("wrong.said")}</dt>
              <dd>{turn.sensitive ? t("transcript.withheld") : turn.keyed ? t("transcript.keys", { keys: turn.text }) : turn.text || t("transcript.silent")}</dd>
            </div>
            <div>
              <dt>{t("wrong.understood")}</dt>
              <dd>{label ?? t("common.none")}</dd>
            </div>
            {turn.answer ? (
              <div>
                <dt>{t("wrong.answered")}</dt>
                <dd>{turn.answer}</dd>
              </div>
            ) : null}
          </dl>
          {empty ? <Alert color="red" role="alert">{t("wrong.empty")}</Alert> : null}
          <Select
            label={t("wrong.intent")}
            placeholder={t("wrong.intent_hint")}
            nothingFoundMessage={t("wrong.nothing_found")}
            data={intents.map(({ name, label: shown }) => ({ value: name, label: shown }))}
            value={intent}
            onChange={setIntent}
            searchable
            clearable
            clearButtonProps={{ "aria-label": t("common.none") }}
            selectFirstOptionOnChange
            data-autofocus
          />
          <Textarea
            label={t("wrong.answer")}
            description={t("wrong.answer_hint")}
            value={answer}
            onChange={(event) => setAnswer(event.currentTarget.value)}
            autosize
            minRows={2}
          />
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {t("common.cancel")}
            </Button>
            <Button type="submit" loading={busy}>
              {t("wrong.send")}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
