import { Alert, Button, Group, Modal, PasswordInput, Stack } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { Problem, request } from "../api/http";
import { useSay } from "./notices";
import { problemText } from "./problems";

/** The user's own password. */
export function PasswordDialog({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const say = useSay();
  const [old, setOld] = useState("");
  const [fresh, setFresh] = useState("");
  const [repeat, setRepeat] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const differ = repeat !== "" && repeat !== fresh;

  async function submit(event: FormEvent): Promise<void> {
    event.preventDefault();
    setBusy(true);
    try {
      await request("POST", "/session/password", { old, new: fresh });
      say.done(t("password.changed"));
      onClose();
    } catch (failed) {
      const wrongOld = failed instanceof Problem && failed.code === "wrong_password";
      setError(wrongOld ? t("problem.wrong_old_password") : problemText(t, failed));
      setBusy(false);
    }
  }

  return (
    <Modal opened onClose={onClose} title={t("password.title")} centered closeButtonProps={{ "aria-label": t("common.close") }}>
      <form onSubmit={(event) => void submit(event)}>
        <Stack>
          {error ? <Alert color="red" role="alert">{error}</Alert> : null}
          <PasswordInput
            label={t("password.old")}
            value={old}
            onChange={(event) => setOld(event.currentTarget.value)}
            autoComplete="current-password"
            required
            withAsterisk={false}
            data-autofocus
          />
          <PasswordInput
            label={t("password.new")}
            description={t("setup.password_hint")}
            value={fresh}
            onChange={(event) => setFresh(event.currentTarget.value)}
            autoComplete="new-password"
            required
            withAsterisk={false}
          />
          <PasswordInput
            label={t("password.repeat")}
            value={repeat}
            onChange={(event) => setRepeat(event.currentTarget.value)}
            error={differ ? t("setup.differ") : null}
            autoComplete="new-password"
            required
            withAsterisk={false}
          />
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {t("common.cancel")}
            </Button>
            <Button type="submit" loading={busy} disabled={repeat !== fresh}>
              {t("common.save")}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
