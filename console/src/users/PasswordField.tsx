import { Button, Group, TextInput } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { suggestPassword } from "./password";

/** A password for somebody else: shown, because it has to be told. */
export function PasswordField({ value, onChange }: { value: string; onChange: (password: string) => void }) {
  const { t } = useTranslation();
  return (
    <Group align="flex-end" gap="xs" wrap="nowrap">
      <TextInput
        className="grow"
        label={t("users.password")}
        description={t("users.password_note")}
        value={value}
        onChange={(event) => onChange(event.currentTarget.value)}
        autoComplete="off"
        spellCheck={false}
        required
        withAsterisk={false}
        classNames={{ input: "mono" }}
      />
      <Button variant="default" onClick={() => onChange(suggestPassword())}>
        {t("users.suggest")}
      </Button>
    </Group>
  );
}
