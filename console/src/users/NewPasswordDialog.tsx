import { Alert, Button, Group, Modal, Stack } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { request } from "../api/http";
import type { User } from "../api/types";
import { useSay } from "../parts/notices";
import { problemText } from "../parts/problems";
import { PasswordField } from "./PasswordField";

export function NewPasswordDialog({ user, onClose }: { user: User; onClose: () => void }) {
  const { t } = useTranslation();
  const say = useSay();
  const [password, setPassword] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);

  async function submit(event: FormEvent): Promise<void> {
    event.preventDefault();
    setBusy(true);
    try {
      await request<User>("PATCH", `/users/${encodeURIComponent(user.name)}`, { password });
      say.done(t("users.changed", { name: user.display }));
      onClose();
    } catch (failed) {
      setError(failed);
      setBusy(false);
    }
  }

  return (
    <Modal
      opened
      onClose={onClose}
      title={t("users.password_title", { name: user.display })}
      centered
      closeButtonProps={{ "aria-label": t("common.close") }}
    >
      <form onSubmit={(event) => void submit(event)}>
        <Stack>
          {error ? <Alert color="red" role="alert">{problemText(t, error)}</Alert> : null}
          <PasswordField value={password} onChange={setPassword} />
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {t("common.cancel")}
            </Button>
            <Button type="submit" loading={busy}>
              {t("common.save")}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
