import { Alert, Autocomplete, Button, Group, Modal, Select, Stack, TextInput } from "@mantine/core";
import { type FormEvent, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { request } from "../api/http";
import type { NewUser, Role, User, UserChange, Wall } from "../api/types";
import { LANGUAGES } from "../i18n";
import { useSay } from "../parts/notices";
import { problemText } from "../parts/problems";
import { PasswordField } from "./PasswordField";

const ROLES: readonly Role[] = ["agent", "operator", "supervisor", "admin"];

interface Props {
  /** null = a new one. */
  user: User | null;
  onSaved: () => void;
  onClose: () => void;
}

export function UserDialog({ user, onSaved, onClose }: Props) {
  const { t } = useTranslation();
  const say = useSay();
  const [name, setName] = useState(user?.name ?? "");
  const [display, setDisplay] = useState(user?.display ?? "");
  const [role, setRole] = useState<Role>(user?.role ?? "agent");
  const [agent, setAgent] = useState(user?.agent ?? "");
  const [language, setLanguage] = useState(user?.language ?? null);
  const [password, setPassword] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const agents = useAgents();

  async function submit(event: FormEvent): Promise<void> {
    event.preventDefault();
    setBusy(true);
    setError(null);
    const common = { display: display.trim() || name.trim(), role, agent: agent.trim() || null, language };
    try {
      if (user) {
        const change: UserChange = common;
        await request<User>("PATCH", `/users/${encodeURIComponent(user.name)}`, change);
        say.done(t("users.changed", { name: common.display }));
      } else {
        const fresh: NewUser = { name: name.trim(), password, ...common };
        await request<User>("POST", "/users", fresh);
        say.done(t("users.added", { name: common.display }));
      }
      onSaved();
    } catch (failed) {
      setError(failed);
      setBusy(false);
    }
  }

  return (
    <Modal
      opened
      onClose={onClose}
      title={user ? t("users.edit_title", { name: user.display }) : t("users.add")}
      centered
      closeButtonProps={{ "aria-label": t("common.close") }}
    >
      <form onSubmit={(event) => void submit(event)}>
        <Stack>
          {error ? <Alert color="red" role="alert">{problemText(t, error)}</Alert> : null}
          {user ? null : (
            <TextInput
              label={t("users.name")}
              value={name}
              onChange={(event) => setName(event.currentTarget.value)}
              autoCapitalize="none"
              autoComplete="off"
              spellCheck={false}
              required
              withAsterisk={false}
              data-autofocus
            />
          )}
          <TextInput
            label={t("users.display")}
            value={display}
            onChange={(event) => setDisplay(event.currentTarget.value)}
            autoComplete="off"
            data-autofocus={user ? true : undefined}
          />
          <Select
            label={t("users.role")}
            data={ROLES.map((value) => ({ value, label: t(`role.${value}`) }))}
            value={role}
            onChange={(value) => value && setRole(value)}
            allowDeselect={false}
          />
          <Autocomplete label={t("users.agent")} description={t("users.agent_hint")} data={agents} value={agent} onChange={setAgent} />
          <Select
            label={t("users.language")}
            placeholder={t("users.language_any")}
            data={LANGUAGES.map((value) => ({ value, label: t(`language.${value}`) }))}
            value={language}
            onChange={setLanguage}
            clearable
            clearButtonProps={{ "aria-label": t("users.language_any") }}
          />
          {user ? null : <PasswordField value={password} onChange={setPassword} />}
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

/** The agents of the configuration, to choose from; without them a name can still be typed. */
function useAgents(): string[] {
  const [agents, setAgents] = useState<string[]>([]);
  useEffect(() => {
    const stop = new AbortController();
    request<Wall>("GET", "/wall", undefined, stop.signal)
      .then((wall) => setAgents(wall.agents.map((agent) => agent.name)))
      .catch(() => {});
    return () => stop.abort();
  }, []);
  return agents;
}
