import { Alert, Button, PasswordInput, Stack, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { request } from "../api/http";
import type { Session } from "../api/types";
import { useTitle } from "../parts/hooks";
import { problemText } from "../parts/problems";
import { EntryFrame } from "./EntryFrame";

export function LoginPage({ ended, onLogin }: { ended: boolean; onLogin: (session: Session) => void }) {
  const { t } = useTranslation();
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  useTitle(t("login.title"), false);

  async function submit(event: FormEvent): Promise<void> {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      onLogin(await request<Session>("POST", "/session", { name: name.trim(), password }));
    } catch (failed) {
      setError(failed);
      setPassword("");
      setBusy(false);
    }
  }

  return (
    <EntryFrame title={t("login.title")}>
      <form onSubmit={(event) => void submit(event)}>
        <Stack>
          {ended && !error ? <Alert color="pine" role="status">{t("login.ended")}</Alert> : null}
          {error ? <Alert color="red" role="alert">{problemText(t, error)}</Alert> : null}
          <TextInput
            label={t("login.name")}
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
            autoComplete="username"
            autoCapitalize="none"
            spellCheck={false}
            required
            withAsterisk={false}
            autoFocus
          />
          <PasswordInput
            label={t("login.password")}
            value={password}
            onChange={(event) => setPassword(event.currentTarget.value)}
            autoComplete="current-password"
            required
            withAsterisk={false}
          />
          <Button type="submit" size="md" loading={busy}>
            {t("login.submit")}
          </Button>
        </Stack>
      </form>
    </EntryFrame>
  );
}
