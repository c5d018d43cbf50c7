import { Alert, Button, PasswordInput, Stack, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { Problem, request } from "../api/http";
import type { Session } from "../api/types";
import { useTitle } from "../parts/hooks";
import { problemText } from "../parts/problems";
import { EntryFrame } from "./EntryFrame";

interface Props {
  token: string | null;
  onDone: (session: Session) => void;
  /** Somebody else was quicker: there is an administrator already. */
  onNotNeeded: () => void;
}

export function SetupPage({ token, onDone, onNotNeeded }: Props) {
  const { t } = useTranslation();
  const [typed, setTyped] = useState("");
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [repeat, setRepeat] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const differ = repeat !== "" && repeat !== password;
  // A token from the address that turned out wrong can be replaced by hand.
  const wrongToken = error instanceof Problem && error.code === "wrong_token";
  const ask = token === null || wrongToken || typed !== "";
  useTitle(t("setup.title"), false);

  async function submit(event: FormEvent): Promise<void> {
    event.preventDefault();
    if (password !== repeat) return;
    setBusy(true);
    setError(null);
    try {
      onDone(await request<Session>("POST", "/setup", { token: typed.trim() || token, name: name.trim(), password }));
    } catch (failed) {
      setBusy(false);
      setError(failed);
      if (failed instanceof Problem && failed.code === "setup_done") onNotNeeded();
    }
  }

  return (
    <EntryFrame title={t("setup.title")} lead={t("setup.lead")}>
      <form onSubmit={(event) => void submit(event)}>
        <Stack>
          {error ? <Alert color="red" role="alert">{problemText(t, error)}</Alert> : null}
          {ask ? (
            <TextInput
              label={t("setup.token")}
              description={t("setup.no_token")}
              value={typed}
              onChange={(event) => setTyped(event.currentTarget.value)}
              autoComplete="off"
              spellCheck={false}
              required
              withAsterisk={false}
            />
          ) : (
            <Alert color="pine">{t("setup.token_found")}</Alert>
          )}
          <TextInput
            label={t("setup.name")}
            description={t("setup.name_hint")}
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
            autoComplete="username"
            autoCapitalize="none"
            spellCheck={false}
            required
            withAsterisk={false}
          />
          <PasswordInput
            label={t("setup.password")}
            description={t("setup.password_hint")}
            value={password}
            onChange={(event) => setPassword(event.currentTarget.value)}
            autoComplete="new-password"
            required
            withAsterisk={false}
          />
          <PasswordInput
            label={t("setup.repeat")}
            value={repeat}
            onChange={(event) => setRepeat(event.currentTarget.value)}
            error={differ ? t("setup.differ") : null}
            autoComplete="new-password"
            required
            withAsterisk={false}
          />
          <Button type="submit" size="md" loading={busy} disabled={differ}>
            {t("setup.submit")}
          </Button>
        </Stack>
      </form>
    </EntryFrame>
  );
}
