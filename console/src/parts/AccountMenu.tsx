import { Menu, useMantineColorScheme } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { Session } from "../api/types";

interface Props {
  session: Session;
  onPassword: () => void;
  onLogOut: (everywhere: boolean) => void;
}

const SCHEMES = ["light", "dark", "auto"] as const;

export function AccountMenu({ session, onPassword, onLogOut }: Props) {
  const { t } = useTranslation();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const name = session.user.display || session.user.name;
  return (
    <Menu withInitialFocusPlaceholder={false} position="bottom-end" width={240} withinPortal={false}>
      <Menu.Target>
        <button type="button" className="account" aria-label={t("menu.label", { name })}>
          <span className="account-name">{name}</span>
          <span aria-hidden="true">▾</span>
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>
          {name} · {t(`role.${session.user.role}`)}
        </Menu.Label>
        <Menu.Item onClick={onPassword}>{t("menu.password")}</Menu.Item>
        <Menu.Divider />
        <Menu.Label>{t("menu.appearance")}</Menu.Label>
        {SCHEMES.map((scheme) => (
          <Menu.Item key={scheme} onClick={() => setColorScheme(scheme)} rightSection={scheme === colorScheme ? "✓" : null}>
            {t(`scheme.${scheme}`)}
          </Menu.Item>
        ))}
        <Menu.Divider />
        <Menu.Item onClick={() => onLogOut(false)}>{t("menu.log_out")}</Menu.Item>
        <Menu.Item onClick={() => onLogOut(true)}>{t("menu.log_out_everywhere")}</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
